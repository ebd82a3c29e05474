"""`homeostat data sql`: a query over datasets."""

from pathlib import Path

import click
import polars as pl

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.codec.tables import Table
from homeostat.data.files import write_file
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("statement")
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows to this .parquet, .csv or .tsv file."
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Rows to print.")
@json_option
def sql(project: Path | None, statement: str, to: Path | None, limit: int, as_json: bool) -> None:
    """Query datasets by name: SELECT carrier, avg(delay) FROM flights GROUP BY carrier. A version is quoted: FROM "flights@3"."""
    with Workspace.find(project) as workspace:
        rows = workspace.datasets.sql(statement)
    if to is not None:
        write_file(to, rows.arrow().schema, [rows.arrow()])
        emit(
            {"rows": rows.rows, "path": str(to)},
            as_json=as_json,
            text=lambda: click.echo(f"{rows.rows:,} rows are in {to}."),
        )
    else:
        emit(_listed(rows) if as_json else None, as_json=as_json, text=lambda: _print(rows, limit))


def _listed(rows: Table) -> dict[str, object]:
    """All rows, as JSON can hold them: instants and decimals as text, NaN and infinity as null."""
    frame = rows.polars()
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    finite = [pl.when(pl.col(name).is_finite()).then(name).alias(name) for name in floats]
    return {"columns": rows.types, "rows": frame.with_columns(finite).to_dicts()}


def _print(rows: Table, limit: int) -> None:
    frame = rows.polars().head(limit)
    numbers = {name for name, kind in frame.schema.items() if kind.is_numeric()}
    print_table(
        [f">{name}" if name in numbers else name for name in frame.columns],
        [["-" if cell is None else cell for cell in row] for row in frame.iter_rows()],
    )
    if rows.rows > limit:
        click.echo(f"{limit:,} of {rows.rows:,} rows; --limit shows more, --to writes them all.")
