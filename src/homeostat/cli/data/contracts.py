"""`homeostat data contract`, `quarantine`, `dismiss`, and `homeostat validate`: what may come in, and what did not."""

import getpass
import importlib
import sys
from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.codec.tables import Table
from homeostat.core.clock import iso
from homeostat.core.errors import NotFound, UserError
from homeostat.data.contracts.changes import changes
from homeostat.data.contracts.contract import Contract, read_contract, write_contract
from homeostat.data.contracts.from_pandera import from_pandera
from homeostat.data.contracts.infer import infer
from homeostat.data.contracts.report import Report
from homeostat.data.files import read_file
from homeostat.data.service import Datasets
from homeostat.workspace import Workspace

BLOCKED = 8  # as an append that is blocked exits


@click.command()
@project_option
@click.argument("dataset")
@click.option("--infer", "is_inferred", is_flag=True, help="Infer it from the latest version.")
@click.option(
    "--set", "given", metavar="FILE|MODULE:SCHEMA", help="Take it from a reviewed file, or from a pandera schema."
)
@click.option(
    "--diff", "is_diff", is_flag=True, help="With --infer or --set: print what would change, and set nothing."
)
@json_option
def contract(
    project: Path | None, dataset: str, given: str | None, is_inferred: bool, is_diff: bool, as_json: bool
) -> None:
    """Print the contract of DATASET as JSON; or infer one to review; or set one."""
    if is_inferred and given is not None:
        raise UserError("Give --infer or --set, not both: what is inferred is reviewed before it is set.")
    with Workspace.find(project) as workspace:
        datasets = workspace.datasets
        kept = datasets.contract(dataset)
        found = None if given is None else _given(given, dataset, workspace.root)
        if is_inferred:
            found = infer(datasets.read(datasets.version(dataset)), name=dataset)
        if is_diff:
            if found is None:
                raise UserError("Say what to compare the contract with: --diff --infer, or --diff --set FILE.")
            lines = changes(kept or Contract(name=dataset, expectations=()), found)
            emit({"changes": lines}, as_json=as_json, text=lambda: click.echo("\n".join(lines) or "No changes."))
            return
        if found is not None and not is_inferred:
            datasets.set_contract(dataset, found)
        if (found or kept) is None:
            datasets.version(dataset)  # if there is no such dataset, that is what to say
            raise NotFound(
                f"Dataset {dataset!r} has no contract. Infer one, review it and set it: "
                f"homeostat data contract {dataset} --infer > {dataset}.json; homeostat data contract {dataset} --set {dataset}.json"
            )
    shown = found or kept
    if shown is not None:
        click.echo(write_contract(shown).decode())


def _given(given: str, dataset: str, root: Path) -> Contract:
    """The contract of a file, or of a pandera schema in one of the project's modules."""
    path = Path(given)
    if path.is_file():
        return read_contract(path.read_bytes())
    module, _, name = given.partition(":")
    if not name:
        raise NotFound(f"There is no file {given}. Give the JSON of a contract, or MODULE:SCHEMA for a pandera schema.")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        schema = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise NotFound(f"There is no schema {given}: {error}. The module is looked for from {root}.") from error
    return from_pandera(schema, name=dataset)


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
@click.option("--environment", default="", help="One of the contract's environments, such as serving.")
@click.option(
    "--report", "page_path", type=click.Path(path_type=Path, dir_okay=False), help="Write an HTML report to this file."
)
@json_option
def validate(
    project: Path | None, dataset: str, path: Path, environment: str, page_path: Path | None, as_json: bool
) -> None:
    """Hold the rows of PATH to the contract of DATASET, without adding them; exits with 8 if it would block them."""
    with Workspace.find(project) as workspace:
        datasets = workspace.datasets
        found = datasets.contract(dataset)
        if found is None:
            datasets.version(dataset)  # if there is no such dataset, that is what to say
            raise NotFound(
                f"Dataset {dataset!r} has no contract to hold {path} to. Infer one, review it and set it: "
                f"homeostat data contract {dataset} --infer"
            )
        rows = read_file(path)
        report = datasets.guard.validate(dataset, rows, found, environment=environment).report
        if page_path is not None:
            _write_page(datasets, dataset, rows, report, page_path)
    emit(report, as_json=as_json, text=lambda: _print_report(report, dataset, path))
    if report.is_blocked:
        click.get_current_context().exit(BLOCKED)


def _print_report(report: Report, dataset: str, path: Path) -> None:
    click.echo(report.summary)
    if report.notable():
        print_table(
            ("verdict", "expects", "column", "observed", "expected", ">rows", "row numbers"),
            [
                (
                    one.status,
                    one.expectation,
                    one.column or "-",
                    one.observed,
                    one.expected,
                    f"{one.failing:,}" if one.failing else "-",
                    one.where or "-",
                )
                for one in report.worst_first()
            ],
        )
    if report.is_blocked:
        click.echo(
            f"Next: mend the feed; or, if it is right, the contract: homeostat data contract {dataset} > {dataset}.json, "
            f"edit it, homeostat data contract {dataset} --set {dataset}.json"
        )
        return
    kept_out = f" and keeps {report.rejected:,} in quarantine" if report.rejected else ""
    click.echo(f"Next: homeostat data append {dataset} {path} adds {report.rows - report.rejected:,} rows{kept_out}.")


def _write_page(datasets: Datasets, dataset: str, rows: Table, report: Report, path: Path) -> None:
    from homeostat.data.contracts.page import page
    from homeostat.data.contracts.profile import profile

    before = datasets.guard.profile(datasets.version(dataset)) if dataset in datasets.names() else None
    try:
        path.write_text(page(report, profile(rows.polars()), before), encoding="utf-8")
    except OSError as error:
        raise UserError(f"The report cannot be written to {path}: {error.strerror}. Name another file.") from error
