"""`homeostat runs tag|note|rename`: what people say of runs afterwards. With it the group `runs` is whole."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, project_option
from homeostat.cli.runs import ids_argument, opened, runs
from homeostat.core.errors import UserError
from homeostat.track import amending, naming


@runs.command()
@project_option
@ids_argument
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="Set this tag; may be repeated.")
@click.option("--remove", "removed", multiple=True, metavar="KEY", help="Take this tag away; may be repeated.")
@json_option
def tag(
    project: Path | None, ids: tuple[str, ...], given: tuple[str, ...], removed: tuple[str, ...], as_json: bool
) -> None:
    """Set tags of runs, or take them away."""
    pairs = [pair.partition("=") for pair in given]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise UserError(f"{wrong[0]!r} is no tag. Write it as key=value.")
    if not pairs and not removed:
        raise UserError("Nothing is to be changed. Set a tag with --set key=value, or take one away with --remove key.")
    with opened(project) as workspace, workspace.database.write() as connection:
        found = [naming.resolve(connection, text) for text in ids]
        for key, _, value in pairs:
            amending.tag(connection, found, key.strip(), value.strip(), workspace.clock.now())
        for key in removed:
            amending.untag(connection, found, key, workspace.clock.now())
    emit({"tagged": found}, as_json=as_json, text=lambda: click.echo(f"Tagged {len(found)}."))


@runs.command()
@project_option
@click.argument("named", metavar="RUN")
@click.argument("text")
@json_option
def note(project: Path | None, named: str, text: str, as_json: bool) -> None:
    """Write the note of RUN, in Markdown, in place of the one it has."""
    with opened(project) as workspace, workspace.database.write() as connection:
        found = naming.resolve(connection, named)
        amending.note(connection, found, text, workspace.clock.now())
    emit({"noted": found}, as_json=as_json, text=lambda: click.echo(f"Noted {found}."))


@runs.command()
@project_option
@click.argument("named", metavar="RUN")
@click.argument("name")
@json_option
def rename(project: Path | None, named: str, name: str, as_json: bool) -> None:
    """Give RUN another name."""
    with opened(project) as workspace, workspace.database.write() as connection:
        found = naming.resolve(connection, named)
        amending.rename(connection, found, name, workspace.clock.now())
    emit({"renamed": found}, as_json=as_json, text=lambda: click.echo(f"{found} is {name!r} now."))
