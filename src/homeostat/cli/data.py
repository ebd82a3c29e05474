"""`homeostat data ...` and `homeostat validate`: datasets, versions, contracts, quarantine."""

import getpass
from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import iso
from homeostat.core.digests import short
from homeostat.core.errors import NotFound
from homeostat.data.contract import read_contract, write_contract
from homeostat.data.files import read_file
from homeostat.data.infer import infer
from homeostat.data.records import Version
from homeostat.data.validate import validate as hold
from homeostat.workspace import Workspace

BLOCKED = 8  # as an append that is blocked exits


@click.group()
def data() -> None:
    """Datasets: every append is an immutable version, held to the dataset's contract."""


@data.command()
@project_option
@click.argument("dataset")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def append(project: Path | None, dataset: str, path: Path, as_json: bool) -> None:
    """Append the rows of PATH (CSV, Parquet, JSON Lines, Arrow) to DATASET, or begin it."""
    with Workspace.find(project) as workspace:
        version = workspace.datasets.import_file(dataset, path).version
    emit(
        {"dataset": dataset, "version": version.number, "id": version.id, "rows": version.rows},
        as_json=as_json,
        text=lambda: click.echo(
            f"{dataset}@{version.number}: {version.rows_added:,} rows added, {version.rows:,} in all, id {short(version.id)}"
        ),
    )


@data.command()
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
            f"{_named(version)}: {version.rows_added:,} files new or changed of {version.rows:,}, {added.bytes_added:,} bytes "
            f"added, id {short(version.id)}"
            if added.is_new
            else f"{_named(version)} is what {path} holds: nothing to add."
        ),
    )


@data.command(name="log")
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
            ("version", ">rows", ">added", "id", "when", "source"),
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


@data.command()
@project_option
@click.argument("dataset")
@click.option("--infer", "is_inferred", is_flag=True, help="Infer it from the latest version.")
@click.option(
    "--set",
    "path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take it from this reviewed file.",
)
@json_option
def contract(project: Path | None, dataset: str, path: Path | None, is_inferred: bool, as_json: bool) -> None:
    """Print the contract of DATASET as JSON; or infer one to review; or set one."""
    del as_json  # a contract is JSON
    with Workspace.find(project) as workspace:
        datasets = workspace.datasets
        if path is not None:
            datasets.set_contract(dataset, read_contract(path.read_bytes()))
        if is_inferred:
            found = infer(datasets.read(datasets.version(dataset)), name=dataset)
        else:
            kept = datasets.contract(dataset)
            if kept is None:
                datasets.version(dataset)  # if there is no such dataset, that is what to say
                raise NotFound(
                    f"Dataset {dataset!r} has no contract. Infer one, review it and set it: "
                    f"homeostat data contract {dataset} --infer > {dataset}.json; homeostat data contract {dataset} --set {dataset}.json"
                )
            found = kept
    click.echo(write_contract(found).decode())


@data.command()
@project_option
@click.argument("dataset")
@json_option
def quarantine(project: Path | None, dataset: str, as_json: bool) -> None:
    """List what the contract of DATASET kept out."""
    with Workspace.find(project) as workspace:
        found = workspace.datasets.quarantined(dataset)
        if not found:
            workspace.datasets.version(dataset)  # if there is no such dataset, that is what to say
    emit(
        {"quarantine": found},
        as_json=as_json,
        text=lambda: print_table(
            ("id", "when", ">rows", "what", "reason", "settled"),
            [
                (
                    one.id,
                    iso(one.at),
                    f"{one.rows:,}",
                    "append" if one.is_block else "rows",
                    one.reason,
                    one.resolution or "-",
                )
                for one in found
            ],
        ),
    )


@data.command()
@project_option
@click.argument("block")
@click.option("--why", required=True, help="The reason; it is kept in the audit log.")
@json_option
def dismiss(project: Path | None, block: str, why: str, as_json: bool) -> None:
    """Settle BLOCK, an append that a contract refused, without its rows: trainings go on as if it had not come."""
    with Workspace.find(project) as workspace:
        settled = workspace.datasets.dismiss(block, why, actor=getpass.getuser())
    emit(
        settled,
        as_json=as_json,
        text=lambda: click.echo(f"{block}: its {settled.rows:,} rows stay out of {settled.dataset!r}. {why}"),
    )


@data.command()
@project_option
@click.argument("dataset")
@click.option("--version", "label", default="", help="Number or tag; default: the latest.")
@json_option
def verify(project: Path | None, dataset: str, label: str, as_json: bool) -> None:
    """Read every byte of DATASET (name, name@number or name@tag) again and compare it with its digest."""
    with Workspace.find(project) as workspace:
        version = workspace.datasets.find(f"{dataset}@{label}" if label else dataset)
        workspace.datasets.verify(version)
    emit(
        {"dataset": version.dataset, "version": version.number, "id": version.id, "rows": version.rows},
        as_json=as_json,
        text=lambda: click.echo(f"{_named(version)}: {version.rows:,} rows are what id {short(version.id)} says."),
    )


@data.command()
@project_option
@click.argument("dataset")
@json_option
def show(project: Path | None, dataset: str, as_json: bool) -> None:
    """Describe a version of DATASET (name, name@number or name@tag): its columns, rows, source and tags."""
    with Workspace.find(project) as workspace:
        version = workspace.datasets.find(dataset)
        tags = [tag for tag, number in workspace.datasets.tags(version.dataset).items() if number == version.number]
    emit({"version": version, "tags": tags}, as_json=as_json, text=lambda: _print_version(version, tags))


@data.command()
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
        text=lambda: click.echo(f"{dataset}@{name} is {_named(found)}, id {short(found.id)}."),
    )


@data.command()
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
            f"{_named(version)}: {version.rows:,} {'files' if version.is_files else 'rows'} are in {to}."
        ),
    )


@data.command(name="diff")
@project_option
@click.argument("dataset")
@click.argument("before")
@click.argument("after")
@click.option(
    "--key", default="", metavar="COLS", help="Columns that name a row, with commas; tells changed rows from new ones."
)
@json_option
def diff_(project: Path | None, dataset: str, before: str, after: str, key: str, as_json: bool) -> None:
    """Say what differs between versions BEFORE and AFTER (numbers or tags) of DATASET: columns, and rows."""
    with Workspace.find(project) as workspace:
        old, new = (workspace.datasets.find(f"{dataset}@{label}") for label in (before, after))
        found = workspace.datasets.diff(old, new, key=tuple(key.split(",")) if key else ())
    emit(
        {
            "dataset": dataset,
            "before": old.number,
            "after": new.number,
            "key": found.key,
            "columns": found.columns,
            "is_reordered": found.is_reordered,
            "rows_added": found.added.rows,
            "rows_removed": found.removed.rows,
            "rows_changed": found.changed.rows,
            "rows_read": found.rows_read,
        },
        as_json=as_json,
        text=lambda: click.echo("\n".join(found.lines())),
    )


@click.command()
@project_option
@click.argument("dataset")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def validate(project: Path | None, dataset: str, path: Path, as_json: bool) -> None:
    """Hold the rows of PATH to the contract of DATASET, without adding them; exits with 8 if it would block them."""
    with Workspace.find(project) as workspace:
        found = workspace.datasets.contract(dataset)
        if found is None:
            workspace.datasets.version(dataset)  # if there is no such dataset, that is what to say
            raise NotFound(
                f"Dataset {dataset!r} has no contract to hold {path} to. Infer one, review it and set it: "
                f"homeostat data contract {dataset} --infer"
            )
        report = hold(read_file(path), found).report
    emit(report, as_json=as_json, text=lambda: click.echo("\n".join(report.lines())))
    if report.is_blocked:
        click.get_current_context().exit(BLOCKED)


def _named(version: Version) -> str:
    return f"{version.dataset}@{version.number}"


def _print_version(version: Version, tags: list[str]) -> None:
    names = ", ".join(tags)
    click.echo(f"{_named(version)}{f' ({names})' if tags else ''}")
    click.echo(f"  id      {version.id}")
    click.echo(f"  rows    {version.rows:,}, of them {version.rows_added:,} added")
    click.echo(f"  added   {iso(version.created_at)} by {version.created_by}")
    click.echo(f"  source  {version.source or '-'}")
    print_table(("column", "type"), [(column.name, column.type) for column in version.columns])
