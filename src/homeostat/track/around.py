"""What stands around a run: others of its experiment, its parts, where a metric ranks among them, and what moved.

Reads in the caller's transaction.
"""

import math
from typing import NamedTuple

from sqlalchemy import Connection, func, literal, or_, select, union_all

from homeostat.store.db.schema.track import run_artifacts, run_params, run_series, run_spools, run_tags, runs
from homeostat.track.queries import records
from homeostat.track.records import Latest, RunRecord, RunStatus

NODE = "node"  # kind of a run that only has the metrics of a machine


class Standing(NamedTuple):
    """Where a value ranks: 1 is best, among `total` runs that have the metric, this one included."""

    rank: int
    total: int


class Movement(NamedTuple):
    """What there is of a run so far. Two that are equal say that nothing came between them.

    Attributes:
        said: grows with whatever is said besides points: params, tags, artifacts, and what a spool shipped.
        points: by metric, of the run and of the parts that are its nodes.
    """

    status: RunStatus
    said: int
    points: dict[tuple[str, str], int]


def neighbours(connection: Connection, run: RunRecord, *, limit: int) -> list[RunRecord]:
    """Others of its experiment and kind that are not deleted: at most `limit` that began before it, and as many after.

    Of those of its own name the nearest before it is always there. Cost: three looks into an index.
    """
    mine = (runs.c.experiment_id == run.experiment_id, runs.c.deleted_at.is_(None), runs.c.id != run.id)
    earlier = select(runs.c.id).where(*mine, runs.c.kind == run.kind, runs.c.started_at <= run.started_at)
    later = select(runs.c.id).where(*mine, runs.c.kind == run.kind, runs.c.started_at > run.started_at)
    namesake = earlier.where(runs.c.name == run.name, runs.c.status == "finished")
    found: dict[str, None] = {}
    for query, most in (
        (namesake.order_by(runs.c.started_at.desc(), runs.c.id.desc()), 1),
        (earlier.order_by(runs.c.started_at.desc(), runs.c.id.desc()), limit),
        (later.order_by(runs.c.started_at, runs.c.id), limit),
    ):
        found.update(dict.fromkeys(connection.execute(query.limit(most)).scalars()))
    return records(connection, list(found))


def parts(connection: Connection, run_id: str, *, limit: int, kind: str | None = None) -> list[RunRecord]:
    """Runs that are part of a run, in the order they began."""
    query = select(runs.c.id).where(runs.c.parent == run_id, runs.c.deleted_at.is_(None))
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    return records(connection, list(connection.execute(query.order_by(runs.c.started_at).limit(limit)).scalars()))


def count_parts(connection: Connection, run_id: str) -> int:
    """How many runs are part of a run."""
    query = select(func.count()).where(runs.c.parent == run_id, runs.c.deleted_at.is_(None))
    return int(connection.execute(query).scalar_one())


def standing(connection: Connection, run: RunRecord, metric: Latest, *, is_lower_better: bool) -> Standing:
    """Where the latest value ranks among the runs of the experiment; NaN ranks after all numbers.

    Cost: one pass over the index of that metric.
    """
    mine = (runs.c.experiment_id == run.experiment_id, runs.c.deleted_at.is_(None), runs.c.kind == run.kind)
    of_metric = select(run_series.c.value).join(runs, runs.c.id == run_series.c.run_id)
    values = of_metric.where(run_series.c.key == metric.key, *mine).subquery()
    is_better = values.c.value < metric.value if is_lower_better else values.c.value > metric.value
    if math.isnan(metric.value):
        is_better = values.c.value.is_not(None)
    total = connection.execute(select(func.count()).select_from(values)).scalar_one()
    better = connection.execute(select(func.count()).select_from(values).where(is_better)).scalar_one()
    return Standing(rank=int(better) + 1, total=int(total))


def movement(connection: Connection, run_id: str) -> Movement | None:
    """What there is of a run so far, or None if there is no such run.

    Cost: three looks into indexes; no point is read.
    """
    status = connection.execute(select(runs.c.status).where(runs.c.id == run_id)).scalar()
    if status is None:
        return None
    sums = union_all(
        select(func.coalesce(func.sum(run_spools.c.shipped), 0).label("said")).where(run_spools.c.run_id == run_id),
        *(select(func.count()).where(table.c.run_id == run_id) for table in (run_params, run_tags, run_artifacts)),
    ).subquery()
    said = connection.execute(select(func.sum(sums.c.said))).scalar_one()
    nodes = select(runs.c.id).where(runs.c.parent == run_id, runs.c.kind == literal(NODE))
    these = or_(run_series.c.run_id == run_id, run_series.c.run_id.in_(nodes))
    points = connection.execute(select(run_series.c.run_id, run_series.c.key, run_series.c.points).where(these))
    return Movement(status=status, said=int(said), points={(row.run_id, row.key): row.points for row in points})
