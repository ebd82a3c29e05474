"""Throwing runs away, bringing them back, and deleting them for good.

A deleted run is out of sight until it is restored. `collect` deletes for good what was thrown away long enough ago; a run that
made a registered model stays, and so does its parent. Objects of artifacts are not deleted here: the collector of the object
store takes those that nothing speaks of any more.
"""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, delete, select, update

from homeostat.core.clock import Micros
from homeostat.core.errors import UserError
from homeostat.core.ids import RunId
from homeostat.store import ledger
from homeostat.store.db.schema.track import (
    experiment_tags,
    experiments,
    run_artifacts,
    run_blocks,
    run_inputs,
    run_outputs,
    run_params,
    run_series,
    run_spools,
    run_surroundings,
    run_tags,
    runs,
)
from homeostat.track import queries
from homeostat.track.facts import RunsDeleted, RunsRestored

_ROWS = 500  # ids in one statement
_OF_A_RUN = (run_params, run_tags, run_surroundings, run_series, run_artifacts, run_inputs, run_outputs, run_spools)


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """Ids of what was deleted for good, or would be, and of runs that were kept for models made by them."""

    runs: tuple[RunId, ...]
    experiments: tuple[int, ...]
    kept: tuple[RunId, ...]


def throw_away(connection: Connection, run_ids: Sequence[str], at: Micros) -> None:
    """Delete softly, and tell the ledger. Deleting twice changes nothing.

    Raises: NotFound naming the first that is not there; nothing is changed then.
    """
    queries.all_there(connection, run_ids)
    gone: list[str] = []
    for first in range(0, len(run_ids), _ROWS):
        living = runs.c.id.in_(run_ids[first : first + _ROWS]) & runs.c.deleted_at.is_(None)
        gone += connection.execute(select(runs.c.id).where(living).order_by(runs.c.id)).scalars()
        connection.execute(update(runs).where(living).values(deleted_at=at))
    if gone:
        ledger.append(connection, at, RunsDeleted(run_ids=tuple(gone)))


def restore(connection: Connection, run_ids: Sequence[str], at: Micros) -> None:
    """Bring deleted runs back, and tell the ledger.

    Raises: NotFound as `throw_away`. UserError if the experiment of one is deleted itself.
    """
    queries.all_there(connection, run_ids)
    back: list[str] = []
    for first in range(0, len(run_ids), _ROWS):
        deleted = runs.c.id.in_(run_ids[first : first + _ROWS]) & runs.c.deleted_at.is_not(None)
        gone = connection.execute(
            select(runs.c.id, experiments.c.name)
            .join(experiments, experiments.c.id == runs.c.experiment_id)
            .where(deleted, experiments.c.deleted_at.is_not(None))
        ).first()
        if gone is not None:
            raise UserError(f"Run {gone.id} belongs to experiment {gone.name!r}, which is deleted. Restore that first.")
        back += connection.execute(select(runs.c.id).where(deleted).order_by(runs.c.id)).scalars()
        connection.execute(update(runs).where(deleted).values(deleted_at=None))
    if back:
        ledger.append(connection, at, RunsRestored(run_ids=tuple(back)))


def collect(connection: Connection, before: Micros, protected: Collection[str], *, dry_run: bool = False) -> Collected:
    """Delete for good the runs and experiments that were thrown away before an instant.

    Args:
        protected: runs that made registered models; they and the runs they are part of stay.
        dry_run: only say which.
    """
    old = connection.execute(
        select(runs.c.id, runs.c.parent).where(runs.c.deleted_at < before).order_by(runs.c.id)
    ).all()
    parts = connection.execute(select(runs.c.id, runs.c.parent).where(runs.c.parent != ""))
    parents = {row.id: row.parent for row in parts}
    needed = set(protected)
    for run_id in protected:
        above = parents.get(run_id, "")
        while above and above not in needed:
            needed.add(above)
            above = parents.get(above, "")
    gone = [RunId(row.id) for row in old if row.id not in needed]
    kept = tuple(RunId(row.id) for row in old if row.id in needed)
    if not dry_run:
        for first in range(0, len(gone), _ROWS):
            _erase(connection, gone[first : first + _ROWS])
    still = select(runs.c.experiment_id).where(runs.c.id.not_in(gone)) if dry_run else select(runs.c.experiment_id)
    empty = connection.execute(
        select(experiments.c.id).where(experiments.c.deleted_at < before, experiments.c.id.not_in(still))
    ).scalars()
    numbers = tuple(number for number in empty if number)  # Default stays
    if not dry_run:
        connection.execute(delete(experiment_tags).where(experiment_tags.c.experiment_id.in_(numbers)))
        connection.execute(delete(experiments).where(experiments.c.id.in_(numbers)))
    return Collected(runs=tuple(gone), experiments=numbers, kept=kept)


def _erase(connection: Connection, ids: Sequence[str]) -> None:
    series = select(run_series.c.id).where(run_series.c.run_id.in_(ids))
    connection.execute(delete(run_blocks).where(run_blocks.c.series.in_(series)))
    for table in _OF_A_RUN:
        connection.execute(delete(table).where(table.c.run_id.in_(ids)))
    connection.execute(delete(runs).where(runs.c.id.in_(ids)))
