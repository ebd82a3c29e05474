"""`homeostat status`: are my models all right?"""

from pathlib import Path
from typing import Any

import click
import msgspec

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import iso
from homeostat.loop import queries
from homeostat.monitor.queries import latest_readings
from homeostat.monitor.records import Reading
from homeostat.workspace import Workspace

_STYLE = {"met": "[green]● met[/]", "breach": "[red]▲ breach[/]", "unknown": "[dim]◌ unknown[/]"}


@click.command()
@project_option
@json_option
def status(project: Path | None, as_json: bool) -> None:
    """Show every system: what serves, its setpoints, their values and states."""
    with Workspace.find(project) as workspace, workspace.database.read() as connection:
        systems: list[dict[str, Any]] = []
        for declared in queries.declarations(connection):
            row = queries.row(connection, declared.name)
            decided = queries.read_decisions(connection, system=declared.name, limit=1)
            systems.append(
                {
                    "system": declared.name,
                    "phase": row.phase if row else "idle",
                    "champion": row.progress.champion if row else None,
                    "challenger": row.progress.challenger if row else None,
                    "setpoints": latest_readings(connection, declared.name),
                    "last_decision": decided[0].sentence if decided else "",
                }
            )
        now = iso(workspace.clock.now())
    emit({"now": now, "systems": msgspec.to_builtins(systems)}, as_json=as_json, text=lambda: _print(now, systems))


def _print(now: str, systems: list[dict[str, Any]]) -> None:
    if not systems:
        click.echo(
            "No system is declared yet. Name one in homeostat.toml under [project] systems, then `homeostat up`."
        )
    for system in systems:
        readings: list[Reading] = system["setpoints"]
        met = sum(reading.state == "met" for reading in readings)
        champion = f"v{system['champion']} answers" if system["champion"] else "nothing answers yet"
        print_table(
            ("setpoint", ">value", ">band", ">at most", "state", ">rows"),
            [
                (
                    reading.setpoint,
                    _number(reading.value),
                    f"{_number(reading.low)} to {_number(reading.high)}",
                    _number(reading.at_most),
                    _STYLE[reading.state],
                    f"{reading.rows:,}",
                )
                for reading in readings
            ],
            title=f"{system['system']} holds {met} of {len(readings)} setpoints; {champion}; {system['phase']}  ({now})",
        )
        if system["last_decision"]:
            click.echo(f"Last decision: {system['last_decision']}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
