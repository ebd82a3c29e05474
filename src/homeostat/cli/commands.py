"""What people ask of a system: `retrain`, `deploy`, `rollback`, `approve`, `waive`."""

import getpass
from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, project_option
from homeostat.core.ids import split_numbered
from homeostat.loop import queries
from homeostat.loop.records import Command, DeployCommand, RetrainCommand, RollbackCommand
from homeostat.workspace import Workspace

why_option = click.option("--why", required=True, help="The reason; it is kept in the audit log.")


@click.command()
@project_option
@click.argument("system")
@why_option
@json_option
def retrain(project: Path | None, system: str, why: str, as_json: bool) -> None:
    """Ask the loop to train SYSTEM now, whatever cooldown and budget say. Blocked data still blocks."""
    _ask(project, system, RetrainCommand(why=why), as_json=as_json)


@click.command()
@project_option
@click.argument("model")
@why_option
@click.option("--skip-shadow", "skips_shadow", is_flag=True, help="Begin with the first canary share.")
@json_option
def deploy(project: Path | None, model: str, why: str, skips_shadow: bool, as_json: bool) -> None:
    """Send MODEL (system@version), whose gates passed or are waived, on its rollout."""
    system, number = split(model)
    _ask(project, system, DeployCommand(why=why, number=number, skips_shadow=skips_shadow), as_json=as_json)


@click.command()
@project_option
@click.argument("system")
@click.option("--to", type=int, help="An earlier champion's number; default: the last one.")
@why_option
@json_option
def rollback(project: Path | None, system: str, to: int | None, why: str, as_json: bool) -> None:
    """Stop SYSTEM's rollout; or, when none is on, let an earlier champion answer again."""
    _ask(project, system, RollbackCommand(why=why, to=to), as_json=as_json)


@click.command()
@project_option
@click.argument("model")
@why_option
@click.option("--deny", "is_denied", is_flag=True, help="Refuse instead.")
@json_option
def approve(project: Path | None, model: str, why: str, is_denied: bool, as_json: bool) -> None:
    """Approve MODEL (system@version), which waits for it."""
    system, number = split(model)
    with Workspace.find(project) as workspace:
        answer = workspace.registry.deny if is_denied else workspace.registry.approve
        approval = answer(system, number, by=getpass.getuser(), why=why)
        with workspace.database.write() as connection:
            queries.wake(connection, system, workspace.clock.now())
    emit(approval, as_json=as_json, text=lambda: click.echo(f"{model}: {approval.status} by {approval.decided_by}."))


@click.command()
@project_option
@click.argument("model")
@click.argument("gate")
@why_option
@json_option
def waive(project: Path | None, model: str, gate: str, why: str, as_json: bool) -> None:
    """Let the failed GATE of MODEL (system@version) not block it."""
    system, number = split(model)
    with Workspace.find(project) as workspace:
        waiver = workspace.registry.waive(system, number, gate, why=why, by=getpass.getuser())
        with workspace.database.write() as connection:
            queries.wake(connection, system, workspace.clock.now())
    emit(waiver, as_json=as_json, text=lambda: click.echo(f"{model}: gate {gate} is waived by {waiver.waived_by}."))


def split(model: str) -> tuple[str, int]:
    """System and number of `late-flights@3`.

    Raises: InvalidName if it is not of that form.
    """
    return split_numbered(model, kind="model version", owner="system", example="late-flights@3")


def _ask(project: Path | None, system: str, command: Command, *, as_json: bool) -> None:
    with Workspace.find(project) as workspace, workspace.database.write() as connection:
        id_ = queries.ask(connection, system, command, at=workspace.clock.now(), by=getpass.getuser())
    emit(
        {"command": id_, "system": system},
        as_json=as_json,
        text=lambda: click.echo(f"Asked. The controller takes it up at its next look: homeostat decisions {system}"),
    )
