"""`homeostat data contract`, `quarantine`, `dismiss`, and `homeostat validate`: what may come in, and what did not."""

import getpass
from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import iso
from homeostat.core.errors import NotFound
from homeostat.data.contracts.contract import read_contract, write_contract
from homeostat.data.contracts.infer import infer
from homeostat.data.contracts.validate import validate as hold
from homeostat.data.files import read_file
from homeostat.workspace import Workspace

BLOCKED = 8  # as an append that is blocked exits


@click.command()
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


@click.command()
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


@click.command()
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
