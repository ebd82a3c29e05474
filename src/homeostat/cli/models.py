"""`homeostat models`: what was trained, what its gates said, what serves, and whether it can be made again."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.codec import mlmodels, model_folders
from homeostat.codec.mlmodels import MLmodel
from homeostat.core.clock import iso
from homeostat.core.digests import short
from homeostat.core.errors import NotFound
from homeostat.core.ids import split_numbered
from homeostat.registry import queries
from homeostat.registry.records import Card
from homeostat.reproduction.queries import latest
from homeostat.reproduction.records import Reproduction
from homeostat.reproduction.rules import told
from homeostat.workspace import Workspace


class _ListUnlessNamed(click.Group):
    """`homeostat models late-flights` lists: whatever is no command of the group is an argument of `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListUnlessNamed)
def models() -> None:
    """List model versions, newest first; or show one: homeostat models show MODEL."""


@models.command("list")
@project_option
@click.argument("system", required=False)
@json_option
def list_(project: Path | None, system: str | None, as_json: bool) -> None:
    """List model versions, newest first, with their metrics and what became of them."""
    with Workspace.find(project) as workspace, workspace.database.read() as connection:
        known = queries.systems(connection)
        if system is not None and system not in known:
            raise NotFound(
                f"No model of a system {system!r} has been trained. There are models of: {', '.join(known) or 'none'}. "
                f"The loop trains those that homeostat.toml names: homeostat up"
            )
        names = [system] if system else known
        found = [version for name in names for version in queries.versions(connection, name)]
        grades = {
            f"{name}@{number}": kept.fact.grade for name in names for number, kept in latest(connection, name).items()
        }
    emit(
        {"models": found, "reproduced": grades},
        as_json=as_json,
        text=lambda: print_table(
            ("model", "status", "trained", "metrics", "digest", "reproduced", "why"),
            [
                (
                    version.name,
                    version.status,
                    iso(version.created_at),
                    "  ".join(f"{name} {value:.4f}" for name, value in version.metrics.items()),
                    short(version.model),
                    grades.get(version.name, ""),
                    version.status_why,
                )
                for version in found
            ],
        ),
    )


@models.command()
@project_option
@click.argument("model")
@json_option
def show(project: Path | None, model: str, as_json: bool) -> None:
    """Show MODEL (system@version): its gates, where it comes from, and what came of making it again."""
    system, number = split_numbered(model, kind="model version", owner="system", example="late-flights@3")
    with Workspace.find(project) as workspace, workspace.database.read() as connection:
        card = queries.card(connection, system, number, workspace.clock.now())
        kept = latest(connection, system).get(number)
        made = None if kept is None else kept.record(workspace.objects)
        packaged = _packaged(card, workspace)
    shown = {"card": card, "reproduction": made} | ({} if packaged is None else {"mlmodel": packaged})
    emit(shown, as_json=as_json, text=lambda: _print(card, made, packaged))


def _packaged(card: Card, workspace: Workspace) -> MLmodel | None:
    """What a version says of itself that a client registered; None if it is one of ours, or is not kept here."""
    if not card.version.source or not card.version.model:
        return None
    folder = model_folders.read_folder(workspace.objects.read(card.version.model))
    return mlmodels.describe_folder(folder, workspace.objects.read)


def _print_packaged(model: MLmodel) -> None:
    click.echo(f"  flavours {', '.join(model.flavours)}; logged by MLflow {model.mlflow} on Python {model.python}")
    columns = (f"{column.name} {column.type}{'' if column.is_required else '?'}" for column in model.inputs.columns)
    click.echo(f"  inputs {', '.join(columns) if model.is_described else 'not said: no signature'}")
    if model.outputs:
        click.echo(f"  outputs {model.outputs}")
    if model.example:
        click.echo(f"  example {model.example}")
    click.echo(f"  requirements {', '.join(model.requirements) or 'none'}")


def _print(card: Card, made: Reproduction | None, packaged: MLmodel | None) -> None:
    version = card.version
    aliases = "".join(f"  [{name}]" for name in card.aliases)
    click.echo(f"{click.style(version.name, bold=True)}  {version.status}{aliases}  {version.status_why}".rstrip())
    if version.source:
        by = f" by {version.created_by}" if version.created_by else ""
        click.echo(f"  registered {iso(version.created_at)}{by} from {version.run_id or version.source}")
    else:
        click.echo(f"  trained {iso(version.created_at)} by {version.created_by} in {version.run_id}")
        click.echo(
            f"  from {', '.join(version.data)}, code {short(version.code)}, environment {short(version.environment)}"
        )
    click.echo(f"  model {version.model or 'is not kept here'}")
    if packaged is not None:
        _print_packaged(packaged)
    for name, value in version.metrics.items():
        click.echo(f"  {name} {value:.6f}")
    click.echo(f"  gates: {card.standing.verdict}. {card.standing.why}")
    for result in card.standing.results:
        click.echo(f"    {result.gate}: {result.status}. {result.sentence}")
    if made is None and version.source:
        return  # it was not trained here
    if made is None:
        click.echo(f"  not made again yet: homeostat reproduce {version.name}")
        return
    click.echo(f"  made again: grade {click.style(made.grade, bold=True)}. {made.sentence}")
    for difference in made.differences:
        click.echo(f"    {told(difference)}")
    if made.cause:
        click.echo(f"    {made.cause}")
