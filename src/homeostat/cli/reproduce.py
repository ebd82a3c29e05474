"""`homeostat reproduce`: make a model again, and say how alike it came out."""

import getpass
from pathlib import Path

import click

from homeostat.cli.commands import split
from homeostat.cli.options import emit, json_option, project_option
from homeostat.reproduction.records import Reproduction
from homeostat.reproduction.service import reproduce as make_again
from homeostat.workspace import Workspace

_COLOURS = {"A": "green", "B": "green", "C": "green", "D": "yellow", "F": "red"}


@click.command()
@project_option
@click.argument("model")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Leave what was made again in this new directory."
)
@json_option
def reproduce(project: Path | None, model: str, keep: Path | None, as_json: bool) -> None:
    """Make MODEL (system@version) again from its recorded code, packages and rows, offline, and grade the result.

    A: the same bytes. B: the same model. C: the same scores. D: the same metrics. F: it diverged; the first difference is named.
    """
    system, number = split(model)
    with Workspace.find(project) as workspace:
        made = make_again(workspace, system, number, keep=keep, actor=getpass.getuser())
    emit(made, as_json=as_json, text=lambda: _print(made, keep))


def _print(made: Reproduction, keep: Path | None) -> None:
    click.echo(f"{click.style(made.grade, fg=_COLOURS[made.grade], bold=True)}  {made.sentence}")
    packages = {
        "same": "those of this environment, which are the recorded ones",
        "rebuilt": "installed anew in the recorded versions",
        "other": f"those of this environment; the recorded ones could not be installed ({made.environment_why})",
    }
    click.echo(f"  packages: {packages[made.environment]}")
    if made.probe is not None:
        click.echo(
            f"  probe: {made.probe.rows} rows, largest difference of a score {made.probe.largest_difference:g}; "
            + ", ".join(
                f"{name} {value:.6f} → {made.probe.remade.get(name, float('nan')):.6f}"
                for name, value in made.probe.recorded.items()
            )
        )
    for difference in made.differences:
        values = f"{difference.recorded or '-'} -> {difference.found or '-'}"
        detail = f"  {difference.detail}" if difference.detail else ""
        click.echo(f"  {difference.kind} {click.style(difference.node, bold=True)}: {values}{detail}")
    click.echo(f"  {made.took_s:.1f} s" + (f", left in {keep}" if keep else ""))
