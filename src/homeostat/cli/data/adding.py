"""`homeostat data append` and `add`: new versions."""

from pathlib import Path

import click

from homeostat.cli.data.progress import Bar, Rows
from homeostat.cli.options import emit, json_option, project_option
from homeostat.core.digests import short
from homeostat.data.sources.records import Origin
from homeostat.data.suffixes import is_table
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("dataset")
@click.argument("place", metavar="PATH")
@click.option("--branch", default="", help="The branch to add them to, a file's rows; default: the main line.")
@json_option
def append(project: Path | None, dataset: str, place: str, branch: str, as_json: bool) -> None:
    """Append the rows of PATH (CSV, Parquet, JSON Lines, Arrow, Excel), or of a URL, to DATASET, or begin it."""
    with Workspace.find(project) as workspace:
        if branch:
            from homeostat.data.files import read_file

            version = workspace.branches.append(dataset, branch, read_file(Path(place)), source=place)
        elif "://" in place:
            version = workspace.sources.append(dataset, Origin(uri=place)).version
        else:
            with Rows(f"appending {Path(place).name}") as progress:
                version = workspace.datasets.import_file(dataset, Path(place), progress=progress).version
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
@click.option("--as-file", is_flag=True, help="Keep a table file as the file it is, not as the rows in it.")
@json_option
def add(project: Path | None, dataset: str, path: Path, as_file: bool, as_json: bool) -> None:
    """Make PATH the next version of DATASET, if it differs from the last: the rows of a table file (CSV, Parquet, JSON Lines, Arrow,
    Excel), else the files of a directory, or one file of any kind.
    """
    takes_rows = is_table(path) and not as_file
    with Workspace.find(project) as workspace:
        if takes_rows:
            with Rows(f"adding {path.name}") as progress:
                added = workspace.datasets.import_file(dataset, path, replace=True, progress=progress)
        else:
            with Bar(f"adding {path.name}") as bar:
                added = workspace.filesets.add(dataset, path, progress=bar)
    version = added.version
    what = "rows" if takes_rows else "files"
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
            f"{version.name}: {version.rows_added:,} {what} new or changed of {version.rows:,}, {added.bytes_added:,} bytes "
            f"added, id {short(version.id)}"
            if added.is_new
            else f"{version.name} is what {path} holds: nothing to add."
        ),
    )
