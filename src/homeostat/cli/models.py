"""`homeostat models`: what was trained, what its gates said, what serves."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.core.clock import iso
from homeostat.core.digests import short
from homeostat.core.errors import NotFound
from homeostat.registry import queries
from homeostat.reproduction.service import latest
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("system", required=False)
@json_option
def models(project: Path | None, system: str | None, as_json: bool) -> None:
    """List model versions, newest first, with their metrics and what became of them."""
    with Workspace.find(project) as workspace, workspace.database.read() as connection:
        known = queries.systems(connection)
        if system is not None and system not in known:
            raise NotFound(
                f"No model of a system {system!r} has been trained. There are models of: {', '.join(known) or 'none'}. "
                f"The loop trains those that homeostat.toml names: homeostat up"
            )
        names = [system] if system else known
        found = [version for name in names for version in queries.versions(connection, name)]
        grades = {f"{name}@{number}": made.grade for name in names for number, made in latest(connection, name).items()}
    emit(
        {"models": found},
        as_json=as_json,
        text=lambda: print_table(
            ("model", "status", "trained", "metrics", "digest", "reproduced", "why"),
            [
                (
                    version.name,
                    version.status,
                    iso(version.created_at),
                    "  ".join(f"{name} {value:.4f}" for name, value in version.metrics.items()),
                    short(version.model),
                    grades.get(version.name, ""),
                    version.status_why,
                )
                for version in found
            ],
        ),
    )
