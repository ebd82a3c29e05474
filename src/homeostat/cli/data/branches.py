"""`homeostat data branch` and `merge`: lines of a dataset beside the main one."""

import getpass
from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import iso
from homeostat.core.errors import UserError
from homeostat.data.catalog.lines import MAIN
from homeostat.workspace import Workspace

_HOW = {
    "nothing": "has all of it already; nothing was done",
    "forward": "moved forward: nothing was done there meanwhile",
    "merged": "made of both",
}


@click.command()
@project_option
@click.argument("dataset")
@click.argument("name", required=False)
@click.option("--at", "label", default="", help="Where it begins: number, tag or branch; default: the latest version.")
@click.option("--delete", "is_deleted", is_flag=True, help="Take the name away; the versions stay, by their numbers.")
@json_option
def branch(project: Path | None, dataset: str, name: str | None, label: str, is_deleted: bool, as_json: bool) -> None:
    """Begin the branch NAME of DATASET; without NAME, list its branches. Read it as DATASET@NAME."""
    if name is None and (label or is_deleted):
        raise UserError(f"Say which branch: homeostat data branch {dataset} NAME")
    with Workspace.find(project) as workspace:
        branches = workspace.branches
        if name is None:
            heads = {MAIN: branches.head(dataset, MAIN), **branches.all(dataset)}
            emit(
                {"branches": heads},
                as_json=as_json,
                text=lambda: print_table(
                    ("branch", "version", ">rows", "when"),
                    [(line, head.name, f"{head.rows:,}", iso(head.created_at)) for line, head in heads.items()],
                ),
            )
            return
        if is_deleted:
            version = branches.delete(dataset, name, actor=getpass.getuser())
        else:
            version = workspace.datasets.find(f"{dataset}@{label}" if label else dataset)
            branches.create(version, name, actor=getpass.getuser())
    emit(
        {"dataset": dataset, "branch": name, "version": version.number, "is_deleted": is_deleted},
        as_json=as_json,
        text=lambda: click.echo(
            f"Branch {name!r} is no more; its last version was {version.name}."
            if is_deleted
            else f"{dataset}@{name} begins at {version.name}. Add to it: homeostat data append {dataset} FILE --branch {name}"
        ),
    )


@click.command()
@project_option
@click.argument("dataset")
@click.argument("name")
@click.option("--into", default=MAIN, show_default=True, help="The branch to bring it into.")
@click.option(
    "--key", default="", metavar="COLS", help="Columns that name a row, with commas; without, a row is its values."
)
@json_option
def merge(project: Path | None, dataset: str, name: str, into: str, key: str, as_json: bool) -> None:
    """Bring what was done on the branch NAME of DATASET into the main line, row by row; conflicts change nothing."""
    with Workspace.find(project) as workspace:
        done = workspace.branches.merge(
            dataset, name, into=into, key=tuple(key.split(",")) if key else (), actor=getpass.getuser()
        )
    version = done.version
    emit(
        {"dataset": dataset, "version": version.number, "id": version.id, "rows": version.rows, "how": done.how},
        as_json=as_json,
        text=lambda: click.echo(f"{dataset}@{into} is {version.name}, {_HOW[done.how]}. {version.rows:,} rows."),
    )
