"""`homeostat reproduce`: make a model again, and say how alike it came out."""

import getpass
from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, project_option
from homeostat.reproduction.records import FACTORS, Factor, Grade, Reproduction
from homeostat.reproduction.rules import told
from homeostat.reproduction.service import reproduce as make_again
from homeostat.workspace import Workspace

_COLOURS = {"A": "green", "B": "green", "C": "green", "D": "yellow", "F": "red"}


@click.command()
@project_option
@click.argument("model")
@click.option(
    "--flip",
    "flips",
    multiple=True,
    type=click.Choice(FACTORS),
    help="Make it once more with this changed, to see whether the model depends on it. May be given several times.",
)
@click.option("--same-environment", is_flag=True, help="Run on the packages of this environment; install nothing.")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Leave what was made again in this new directory."
)
@json_option
def reproduce(
    project: Path | None,
    model: str,
    flips: tuple[Factor, ...],
    same_environment: bool,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Make MODEL again from its recorded code, packages and rows, offline, and grade the result.

    MODEL is a version (system@number), or the id of a run whose pipeline made a model.

    A: the same bytes. B: the same model. C: the same scores. D: the same metrics. F: it diverged; the first difference is named.
    """
    with Workspace.find(project) as workspace:
        made = make_again(
            workspace, model, same_environment=same_environment, flips=flips, keep=keep, actor=getpass.getuser()
        )
    emit(made, as_json=as_json, text=lambda: _print(made, keep))


def _print(made: Reproduction, keep: Path | None) -> None:
    click.echo(f"{_coloured(made.grade)}  {made.sentence}")
    why = f" ({made.environment_why})" if made.environment_why else ""
    packages = {
        "rebuilt": "installed from the lock",
        "same": f"those of this environment, which are the recorded ones{why}",
        "other": f"those of this environment, which are not the recorded ones{why}",
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
    for flip in made.flips:
        changed = ", ".join(f"{name}={value}" for name, value in flip.variables.items())
        came = flip.error or (told(flip.first) if flip.first else "")
        click.echo(f"  with other {flip.factor} ({changed}): {_coloured(flip.grade)}  {came}".rstrip())
    if made.cause:
        click.echo(f"  {made.cause}")
    click.echo(f"  {made.took_s:.1f} s" + (f", left in {keep}" if keep else ""))


def _coloured(grade: Grade) -> str:
    return click.style(grade, fg=_COLOURS[grade], bold=True)
