"""Thinned curves against the points themselves."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from homeostat.core.ids import RunId
from homeostat.store.db import Database
from homeostat.store.db.schema.store import metadata
from homeostat.store.db.schema.track import run_blocks, run_series, runs
from homeostat.track import envelopes, points, thinning
from homeostat.track.blocks import Points, unpack_over
from homeostat.track.envelopes import envelope, level_of, of_points, unpack_envelope
from homeostat.track.thinning import Thinned, thinned

Rows = list[tuple[int, int, float]]
START = 1_000
NUMBERS = st.one_of(st.floats(-10, 10), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308]))
CURVES = st.lists(st.tuples(st.integers(-30, 400), st.integers(0, 3_000), NUMBERS), min_size=1, max_size=120)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 64 points, all of 8 and more with an envelope of 4 points a cell."""
    monkeypatch.setattr(points, "_BLOCK_POINTS", 64)
    monkeypatch.setattr(envelopes, "_LEAST_POINTS", 8)
    monkeypatch.setattr(envelopes, "POINTS_A_CELL", 4)


@pytest.fixture
def holding(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = Database("sqlite://")
    metadata.create_all(database.engine, [runs, run_series, run_blocks])
    yield database
    database.close()


def hold(database: Database, curves: list[Rows]) -> list[str]:
    """A run for each curve, its points logged in two batches."""
    ids = [f"run-{number}" for number in range(len(curves))]
    with database.write() as connection:
        for id_, rows in zip(ids, curves, strict=True):
            texts = dict.fromkeys(("name", "kind", "status", "system", "parent", "user", "source"), "")
            more = dict.fromkeys(("code", "environment", "error", "note"), "")
            connection.execute(
                insert(runs).values(id=id_, experiment_id=0, started_at=START, dropped=0, **texts, **more)
            )
            half = len(rows) // 2
            for part in (rows[:half], rows[half:]):
                points.add(
                    connection, RunId(id_), "loss", Points.of(*zip(*part, strict=True) if part else ([], [], []))
                )
    return ids


def x_of(rows: Rows, axis: str) -> list[int]:
    return [step if axis == "step" else at - (START if axis == "relative" else 0) for step, at, _ in rows]


def facts(values: list[float]) -> tuple[float | None, float | None, int, int]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite, default=None), max(finite, default=None), len(values), len(values) - len(finite))


def of_curve(curve: Thinned) -> list[tuple[float | None, float | None, int, int]]:
    def known(value: float) -> float | None:
        return None if math.isnan(value) else value

    rows = zip(curve.low.tolist(), curve.high.tolist(), curve.points.tolist(), curve.holes.tolist(), strict=True)
    return [(known(low), known(high), count, holes) for low, high, count, holes in rows]


@settings(max_examples=120, deadline=None)
@given(
    curves=st.lists(CURVES, min_size=1, max_size=3),
    width=st.integers(1, 60),
    axis=st.sampled_from(["step", "time"]),
    scale=st.sampled_from(["linear", "log"]),
    span=st.none() | st.tuples(st.integers(-40, 3_000), st.integers(0, 500)).map(lambda pair: (pair[0], sum(pair))),
)
def test_a_thinned_curve_says_what_its_points_say(
    curves: list[Rows],
    width: int,
    axis: thinning.Axis,
    scale: thinning.Scale,
    span: tuple[int, int] | None,
) -> None:
    """Whatever the range, each bucket has the exact low, high and count of the points between its ends, and each point of
    the range is in one bucket, from envelopes as from points."""
    database = Database("sqlite://")
    metadata.create_all(database.engine, [runs, run_series, run_blocks])
    ids = hold(database, curves)
    with database.read() as connection:
        found = thinned(connection, ids, ["loss"], width, x=axis, span=span, scale=scale).get("loss", {})
    database.close()
    every = [x for rows in curves for x in x_of(rows, axis)]
    low, high = (min(every), max(every)) if span is None else (max(min(every), span[0]), min(max(every), span[1]))
    if scale == "log":
        low = max(low, 1)
    for id_, rows in zip(ids, curves, strict=True):
        xs = x_of(rows, axis)
        curve = found.get(id_)
        inside = [x for x in xs if low <= x <= high]
        if curve is None:
            assert [] == inside
            continue
        ends = list(zip(curve.first.tolist(), curve.last.tolist(), strict=True))
        expected = [[row[2] for x, row in zip(xs, rows, strict=True) if first <= x <= last] for first, last in ends]
        assert [facts(values) for values in expected] == of_curve(curve)
        assert all(any(first <= x <= last for first, last in ends) for x in inside)
        assert sorted(set(curve.bucket.tolist())) == curve.bucket.tolist()
        assert len(ends) <= max(width, high.bit_length()) + 1


@settings(max_examples=60, deadline=None)
@given(curves=st.lists(CURVES, min_size=1, max_size=3), width=st.integers(1, 60))
def test_time_since_the_start_counts_each_point_once(curves: list[Rows], width: int) -> None:
    """Over relative time no point is lost or counted twice, and none is higher or lower than it was."""
    database = Database("sqlite://")
    metadata.create_all(database.engine, [runs, run_series, run_blocks])
    ids = hold(database, curves)
    with database.read() as connection:
        found = thinned(connection, ids, ["loss"], width, x="relative")["loss"]
    database.close()
    for id_, rows in zip(ids, curves, strict=True):
        curve = found[id_]
        low, high, count, holes = facts([value for _, _, value in rows])
        ends = (int(curve.first.min()), int(curve.last.max()))
        xs = x_of(rows, "relative")

        assert (count, holes, min(xs), max(xs)) == (curve.points.sum(), curve.holes.sum(), *ends)
        if low is not None:
            assert (low, high) == (np.nanmin(curve.low), np.nanmax(curve.high))


@given(rows=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats()), min_size=8, max_size=60))
def test_an_envelope_comes_back_whole(rows: list[tuple[int, float]]) -> None:
    """Packed and unpacked, it is the cells of the points at its level, extremes of steps included."""
    x, values = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    packed = envelope(x, values)
    assert packed is not None

    for ours, theirs in zip(of_points(x, values, x >> level_of(packed)), unpack_envelope(packed), strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_a_spike_survives(holding: Database) -> None:
    """One point of 400 that stands out is in a picture of ten pixels, and a NaN is known to be there."""
    rows = [(step, step, 0.5) for step in range(400)]
    rows[123] = (123, 123, 9.0)
    rows[200] = (200, 200, math.nan)
    (id_,) = hold(holding, [rows])
    with holding.read() as connection:
        curve = thinned(connection, [id_], ["loss"], 10)["loss"][id_]

    assert (9.0, 1) == (curve.high.max(), curve.holes.sum())
    assert len(curve.x) <= 10


def test_a_stretch_of_nan_is_a_gap(holding: Database) -> None:
    """Where nothing is finite there is a bucket without a value, which breaks the line."""
    (id_,) = hold(holding, [[(step, step, math.nan if 40 <= step < 80 else 1.0) for step in range(128)]])
    with holding.read() as connection:
        curve = thinned(connection, [id_], ["loss"], 16)["loss"][id_]

    assert [48, 56, 64, 72] == curve.first[np.isnan(curve.low)].tolist()[1:]
    assert 40 == curve.first[np.isnan(curve.low)][0]


def test_a_far_look_opens_no_block(holding: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full blocks are drawn from their envelopes; a close look opens those within its range only."""
    rows = [(step, step, float(step)) for step in range(640)]
    (id_,) = hold(holding, [rows])
    opened: list[int] = []

    def counted(body: bytes, count: int, *, is_step: bool) -> Any:
        opened.append(count)
        return unpack_over(body, count, is_step=is_step)

    monkeypatch.setattr(thinning, "unpack_over", counted)
    with holding.read() as connection:
        thinned(connection, [id_], ["loss"], 80)
        far = list(opened)
        curve = thinned(connection, [id_], ["loss"], 80, span=(200, 240))["loss"][id_]

    assert ([], 1) == (far, len(opened))
    assert list(range(200, 241)) == curve.first.tolist()


def test_a_swallowed_block_takes_its_envelope_along(holding: Database) -> None:
    """Blocks of one curve carry envelopes of exactly their points."""
    (id_,) = hold(holding, [[(step, step, float(step)) for step in range(100)]])
    with holding.write() as connection:
        points.add(connection, RunId(id_), "loss", Points.of([100], [100], [100.0]))
        rows = connection.execute(select(run_blocks).order_by(run_blocks.c.first)).all()
    counts = [int(unpack_envelope(row.by_time).points.sum()) for row in rows if row.by_time is not None]

    assert [row.points for row in rows if row.points >= 8] == counts
    assert 101 == sum(row.points for row in rows)
