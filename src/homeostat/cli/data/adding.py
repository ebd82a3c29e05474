"""`homeostat data append` and `add`: new versions."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, project_option
from homeostat.core.digests import short
from homeostat.data.sources.records import Origin
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("dataset")
@click.argument("place", metavar="PATH")
@json_option
def append(project: Path | None, dataset: str, place: str, as_json: bool) -> None:
    """Append the rows of PATH (CSV, Parquet, JSON Lines, Arrow, Excel), or of a URL, to DATASET, or begin it."""
    with Workspace.find(project) as workspace:
        if "://" in place:
            version = workspace.sources.append(dataset, Origin(uri=place)).version
        else:
            version = workspace.datasets.import_file(dataset, Path(place)).version
    emit(
        {"dataset": dataset, "version": version.number, "id": version.id, "rows": version.rows},
        as_json=as_json,
        text=lambda: click.echo(
            f"{dataset}@{version.number}: {version.rows_added:,} rows added, {version.rows:,} in all, id {short(version.id)}"
        ),
    )


@click.command()
@project_option
@click.argument("dataset")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def add(project: Path | None, dataset: str, path: Path, as_json: bool) -> None:
    """Make the files of PATH, a directory or one file of any kind, the next version of DATASET, if they differ from the last."""
    with Workspace.find(project) as workspace:
        added = workspace.datasets.add_files(dataset, path)
    version = added.version
    emit(
        {
            "dataset": dataset,
            "version": version.number,
            "id": version.id,
            "rows": version.rows,
            "bytes_added": added.bytes_added,
        },
        as_json=as_json,
        text=lambda: click.echo(
            f"{version.name}: {version.rows_added:,} files new or changed of {version.rows:,}, {added.bytes_added:,} bytes "
            f"added, id {short(version.id)}"
            if added.is_new
            else f"{version.name} is what {path} holds: nothing to add."
        ),
    )
