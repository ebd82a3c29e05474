"""`homeostat decisions`: why it did, or did not."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import iso
from homeostat.loop import queries
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("system", required=False)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--all", "is_all", is_flag=True, help="Also decisions to do nothing.")
@json_option
def decisions(project: Path | None, system: str | None, limit: int, is_all: bool, as_json: bool) -> None:
    """List what the loop decided, newest first, and why."""
    with Workspace.find(project) as workspace, workspace.database.read() as connection:
        if system is not None:
            queries.declaration(connection, system)
        found = queries.read_decisions(
            connection, system=system, without=() if is_all else ("none", "watch", "hold"), limit=limit
        )
    emit(
        {"decisions": found},
        as_json=as_json,
        text=lambda: print_table(
            ("when", "system", "decision", "why"),
            [(iso(one.at), one.system, one.verdict, one.sentence) for one in found],
        ),
    )
