"""`homeostat predict` and `homeostat label`: the gateway from the command line."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.errors import MissingColumn, Unavailable, WrongType
from homeostat.data.contracts.check import NUMBERS
from homeostat.data.files import read_file
from homeostat.serve.client import Client
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("system")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def predict(project: Path | None, system: str, path: Path, as_json: bool) -> None:
    """Ask the gateway of SYSTEM for a prediction of each row of PATH (CSV, Parquet, JSON Lines, Arrow)."""
    rows = read_file(path).polars().to_dicts()
    client = Client(_gateway(project))
    try:
        answer = client.predict(system, rows)
    finally:
        client.close()
    emit(
        answer,
        as_json=as_json,
        text=lambda: print_table(
            ("prediction", ">score", ">version"),
            [(one.id, f"{one.score:.4f}", one.version) for one in answer.predictions],
        ),
    )


@click.command()
@project_option
@click.argument("system")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def label(project: Path | None, system: str, path: Path, as_json: bool) -> None:
    """Tell the gateway of SYSTEM what came true: PATH has the columns id (of the prediction) and value."""
    labels = _labels(path)
    client = Client(_gateway(project))
    try:
        client.label(system, labels)
    finally:
        client.close()
    emit({"labels": len(labels)}, as_json=as_json, text=lambda: click.echo(f"{len(labels):,} labels are kept."))


def _labels(path: Path) -> dict[str, float]:
    table = read_file(path)
    missing = [name for name in ("id", "value") if name not in table.columns]
    if missing:
        raise MissingColumn(
            f"{path} has no column {', '.join(map(repr, missing))}. Its columns are: {', '.join(table.columns)}. Labels "
            f"need id, as the prediction was answered with, and value, what came true."
        )
    if table.types["value"] not in (*NUMBERS, "bool"):
        raise WrongType(f"Column 'value' of {path} holds {table.types['value']}; labels are numbers, such as 0 and 1.")
    rows = table.polars().drop_nulls("value")
    return dict(zip(rows["id"].cast(str).to_list(), rows["value"].cast(float).to_list(), strict=True))


def _gateway(project: Path | None) -> str:
    """Where a gateway of the project listens."""
    with Workspace.find(project) as workspace:
        alive = workspace.deployments.serving("")
    if not alive:
        raise Unavailable("No gateway of this project is running. Start one: homeostat up")
    return f"http://{alive[0].host}:{alive[0].port}"
