"""`homeostat trace` and `homeostat impact`: lineage, both ways."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, project_option
from homeostat.tracing import Impact, Trace, parse_version
from homeostat.tracing import impact as find_impact
from homeostat.tracing import trace as find_trace
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("prediction_id")
@json_option
def trace(project: Path | None, prediction_id: str, as_json: bool) -> None:
    """Follow PREDICTION_ID back: arm, model version, gates, approval, training, code, environment, tables, sources."""
    with Workspace.find(project) as workspace:
        found = find_trace(workspace, prediction_id)
    emit(found, as_json=as_json, text=lambda: _print_trace(found))


@click.command()
@project_option
@click.argument("version")
@json_option
def impact(project: Path | None, version: str, as_json: bool) -> None:
    """Follow VERSION (dataset@number) forward to the models, deployments and predictions it touched."""
    with Workspace.find(project) as workspace:
        found = find_impact(workspace, *parse_version(version))
    emit(found, as_json=as_json, text=lambda: _print_impact(found))


def _print_trace(found: Trace) -> None:
    row = found.prediction
    label = click.style(f"prediction {row['id']}", bold=True)
    click.echo(f"{label}\n  {row['score']:.4f} for {row['entity']} at {row['at']} in {row['latency_ms']:.1f} ms")
    inputs = ", ".join(f"{name[3:]}={value}" for name, value in row.items() if name.startswith("in_"))
    click.echo(f"  {inputs}")
    for link in found.links:
        click.echo(f"{click.style('└ ' + link.what, fg='cyan')}  {link.detail}")


def _print_impact(found: Impact) -> None:
    total = sum(found.predictions.values())
    click.echo(
        f"{click.style(f'{found.dataset}@{found.version}', bold=True)} is in {found.later_versions} later versions, "
        f"{len(found.models)} model versions, {len(found.deployments)} deployments and {total:,} predictions."
    )
    for name in found.models:
        exactly = "trained on exactly this version" if name in found.trained_on_it else "trained on a later version"
        click.echo(f"└ {name}  {exactly}; answered {found.predictions.get(name, 0):,} predictions")
