"""`homeostat data log`, `show`, `tag`, `diff` and `checkout`: what versions there are, and what is in them."""

import getpass
from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import iso
from homeostat.core.digests import short
from homeostat.data.diffs.files import FilesDiff
from homeostat.data.diffs.records import Diff
from homeostat.data.records import Version
from homeostat.workspace import Workspace


@click.command(name="log")
@project_option
@click.argument("dataset", required=False)
@click.option("--limit", default=20, show_default=True)
@json_option
def log_(project: Path | None, dataset: str | None, limit: int, as_json: bool) -> None:
    """List the versions of DATASET, newest first; without it, all datasets."""
    with Workspace.find(project) as workspace:
        found = workspace.datasets.versions(dataset)[:limit] if dataset else workspace.datasets.catalog()
    emit(
        {"versions": found},
        as_json=as_json,
        text=lambda: print_table(
            ("version", ">rows or files", ">added", "id", "when", "source"),
            [
                (
                    f"{one.dataset}@{one.number}",
                    f"{one.rows:,}",
                    f"{one.rows_added:,}",
                    short(one.id),
                    iso(one.created_at),
                    one.source,
                )
                for one in found
            ],
        ),
    )


@click.command()
@project_option
@click.argument("dataset")
@json_option
def show(project: Path | None, dataset: str, as_json: bool) -> None:
    """Describe a version of DATASET (name, name@number or name@tag): its columns, rows, source and tags."""
    with Workspace.find(project) as workspace:
        version = workspace.datasets.find(dataset)
        tags = [tag for tag, number in workspace.datasets.tags(version.dataset).items() if number == version.number]
        is_kept = version.is_files and version.forgotten_at is None
        size_bytes = workspace.datasets.size_bytes(version) if is_kept else None
    found = {"version": version, "tags": tags} | ({} if size_bytes is None else {"size_bytes": size_bytes})
    emit(found, as_json=as_json, text=lambda: _print_version(version, tags, size_bytes))


@click.command()
@project_option
@click.argument("dataset")
@click.argument("name")
@click.argument("version", default="")
@json_option
def tag(project: Path | None, dataset: str, name: str, version: str, as_json: bool) -> None:
    """Let the tag NAME name VERSION (number or tag; default: the latest) of DATASET, wherever a version is asked for."""
    with Workspace.find(project) as workspace:
        found = workspace.datasets.find(f"{dataset}@{version}")
        workspace.datasets.tag(found, name, actor=getpass.getuser())
    emit(
        {"dataset": dataset, "version": found.number, "tag": name},
        as_json=as_json,
        text=lambda: click.echo(f"{dataset}@{name} is {found.name}, id {short(found.id)}."),
    )


@click.command(name="diff")
@project_option
@click.argument("dataset")
@click.argument("before")
@click.argument("after")
@click.option(
    "--key", default="", metavar="COLS", help="Columns that name a row, with commas; tells changed rows from new ones."
)
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write each row that differs to this .parquet, .csv or .tsv file, with what became of it in a column `op`.",
)
@json_option
def diff_(
    project: Path | None, dataset: str, before: str, after: str, key: str, to: Path | None, as_json: bool
) -> None:
    """Say what differs between versions BEFORE and AFTER (numbers, tags or branches) of DATASET: columns and rows, or files."""
    from homeostat.data.files import write_file

    with Workspace.find(project) as workspace:
        datasets = workspace.datasets
        old, new = (datasets.find(f"{dataset}@{label}") for label in (before, after))
        if old.is_files and new.is_files:
            found: Diff | FilesDiff = datasets.diff_files(old, new)
        else:
            found = datasets.diff(old, new, key=tuple(key.split(",")) if key else ())
        if to is not None:
            review = found.review().arrow()
            write_file(to, review.schema, [review])
    emit(
        {"dataset": dataset, "before": old.number, "after": new.number, **_counts(found)},
        as_json=as_json,
        text=lambda: click.echo("\n".join(found.lines())),
    )


@click.command()
@project_option
@click.argument("dataset")
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write, of a kind by its suffix; or the directory.",
)
@click.option("--link", "links", is_flag=True, help="Hard links to large files, read-only and unchecked, not copies.")
@json_option
def checkout(project: Path | None, dataset: str, to: Path, links: bool, as_json: bool) -> None:
    """Write DATASET (name, name@number or name@tag) out: a table to a .parquet, .csv or .tsv file, files to a new directory."""
    with Workspace.find(project) as workspace:
        version = workspace.datasets.find(dataset)
        workspace.datasets.checkout(version, to, links=links)
    emit(
        {
            "dataset": version.dataset,
            "version": version.number,
            "id": version.id,
            "rows": version.rows,
            "path": str(to),
        },
        as_json=as_json,
        text=lambda: click.echo(
            f"{version.name}: {version.rows:,} {'files' if version.is_files else 'rows'} are in {to}."
        ),
    )


def _counts(found: Diff | FilesDiff) -> dict[str, object]:
    if isinstance(found, FilesDiff):
        return {
            "files_added": [entry.path for entry in found.added],
            "files_removed": [entry.path for entry in found.removed],
            "files_changed": [entry.path for entry in found.changed],
        }
    return {
        "key": found.key,
        "columns": found.columns,
        "is_reordered": found.is_reordered,
        "rows_added": found.added.rows,
        "rows_removed": found.removed.rows,
        "rows_changed": found.changed.rows,
        "rows_read": found.rows_read,
    }


def _print_version(version: Version, tags: list[str], size_bytes: int | None) -> None:
    names = ", ".join(tags)
    click.echo(f"{version.name}{f' ({names})' if tags else ''}")
    click.echo(f"  id      {version.id}")
    if version.is_files:
        click.echo(f"  files   {version.rows:,}, of them {version.rows_added:,} new or changed")
        click.echo(f"  bytes   {'forgotten' if size_bytes is None else f'{size_bytes:,}'}")
    else:
        click.echo(f"  rows    {version.rows:,}, of them {version.rows_added:,} added")
    click.echo(f"  added   {iso(version.created_at)} by {version.created_by}")
    click.echo(f"  source  {version.source or '-'}")
    if not version.is_files:
        print_table(("column", "type"), [(column.name, column.type) for column in version.columns])
