"""`homeostat data log`, `show`, `tag` and `checkout`: what versions there are, and what is in them."""

import getpass
from pathlib import Path

import click

from homeostat.cli.data.progress import Bar
from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import SECOND, iso
from homeostat.core.digests import short
from homeostat.data.catalog.lines import MAIN
from homeostat.data.catalog.records import Version
from homeostat.workspace import Workspace


@click.command(name="log")
@project_option
@click.argument("dataset", required=False)
@click.option("--limit", default=20, show_default=True)
@json_option
def log_(project: Path | None, dataset: str | None, limit: int, as_json: bool) -> None:
    """List the versions of DATASET, newest first; without it, all datasets."""
    with Workspace.find(project) as workspace:
        found = workspace.catalog.versions(dataset)[:limit] if dataset else workspace.catalog.newest()
    emit({"versions": found}, as_json=as_json, text=lambda: _print_versions(found))


@click.command()
@project_option
@click.argument("dataset")
@json_option
def show(project: Path | None, dataset: str, as_json: bool) -> None:
    """Describe a version of DATASET (name, name@number or name@tag): its columns, rows, source and tags."""
    with Workspace.find(project) as workspace:
        version = workspace.catalog.find(dataset)
        tags = [tag for tag, number in workspace.catalog.tags(version.dataset).items() if number == version.number]
        is_kept = version.is_files and version.forgotten_at is None
        size_bytes = workspace.filesets.size_bytes(version) if is_kept else None
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
        found = workspace.catalog.find(f"{dataset}@{version}")
        workspace.catalog.tag(found, name, actor=getpass.getuser())
    emit(
        {"dataset": dataset, "version": found.number, "tag": name},
        as_json=as_json,
        text=lambda: click.echo(f"{dataset}@{name} is {found.name}, id {short(found.id)}."),
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
        version = workspace.catalog.find(dataset)
        with Bar(f"writing {to.name}", "bytes" if version.is_files else "rows") as bar:
            if version.is_files:
                workspace.filesets.checkout(version, to, links=links, progress=bar)
            else:
                workspace.datasets.checkout(version, to, progress=bar)
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


def _print_versions(found: list[Version]) -> None:
    columns: dict[str, list[object]] = {
        "version": [one.name for one in found],
        "branch": [one.branch or MAIN for one in found],
        ">rows or files": [f"{one.rows:,}" for one in found],
        ">added": [f"{one.rows_added:,}" for one in found],
        "id": [short(one.id) for one in found],
        "when": [iso(one.created_at - one.created_at % SECOND) for one in found],
        "source": [one.source for one in found],
    }
    if not any(one.branch for one in found):
        del columns["branch"]
    print_table(tuple(columns), list(zip(*columns.values(), strict=True)))


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
