"""The panel: one join of predictions and labels, however the log's rows come."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.core.errors import MissingColumn
from homeostat.monitor.panel import Panel
from monitor_log import LABELS, MemoryLog


def panel_of(log: MemoryLog) -> Panel:
    panel = Panel()
    panel.append_predictions(log.predictions("s", "")[0])
    panel.append_labels(log.labels("s", "")[0])
    return panel


def labels_table(rows: Sequence[tuple[str, float, int]]) -> pa.Table:
    return pa.Table.from_pylist([{"id": name, "value": value, "at": at} for name, value, at in rows], schema=LABELS)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0])), max_size=20),
    st.lists(st.integers(0, 2), min_size=30, max_size=30),
)
def test_any_interleaving_gives_the_same_labels(said: list[tuple[int, float]], turns: list[int]) -> None:
    """Six predictions and up to twenty labels, interleaved at will, join to the same labels and counts."""
    log = MemoryLog()
    for row in range(6):
        log.predict(f"p{row}", at=row, score=0.5)
    for at, (row, value) in enumerate(said):
        log.label(f"p{row}", value, at=at)
    whole = panel_of(log)

    mixed, predictions, labels = Panel(), 0, 0
    for turn in turns:
        if turn == 0 and predictions < 6:
            mixed.append_predictions(log.predictions("s", str(predictions))[0].slice(0, 1))
            predictions += 1
        elif turn == 1 and labels < len(said):
            mixed.append_labels(log.labels("s", str(labels))[0].slice(0, 1))
            labels += 1
    mixed.append_predictions(log.predictions("s", str(predictions))[0])
    mixed.append_labels(log.labels("s", str(labels))[0])

    assert whole.ingested == mixed.ingested
    assert np.array_equal(whole.floats("label"), mixed.floats("label"), equal_nan=True)
    assert np.array_equal(whole.floats("first_label"), mixed.floats("first_label"), equal_nan=True)


def test_same_label_again_is_a_duplicate() -> None:
    """Said twice counts once."""
    log = MemoryLog()
    log.predict("p", at=0, score=0.5)
    log.label("p", 1.0, at=1)
    log.label("p", 1.0, at=2)
    found = panel_of(log).ingested
    assert (1, 1, 0) == (found.labels, found.duplicates, found.revisions)


def test_revision_supersedes_and_the_first_is_remembered() -> None:
    """Another value replaces the label; what was said first stays for evidence already counted."""
    log = MemoryLog()
    log.predict("p", at=0, score=0.5)
    log.label("p", 0.0, at=1)
    log.label("p", 1.0, at=2)
    panel = panel_of(log)
    assert (1.0, 0.0) == (panel.floats("label")[0], panel.floats("first_label")[0])
    assert (1, 1) == (panel.ingested.labels, panel.ingested.revisions)


def test_a_revision_that_is_older_than_the_label_changes_nothing() -> None:
    """Labels read out of order: the one given later in event time stands."""
    log = MemoryLog()
    log.predict("p", at=0, score=0.5)
    log.label("p", 1.0, at=9)
    log.label("p", 0.0, at=3)
    panel = panel_of(log)
    assert (1.0, 1) == (panel.floats("label")[0], panel.ingested.revisions)


def test_label_before_its_prediction_waits() -> None:
    """An unknown id is an orphan until its prediction is read; then it is joined."""
    panel = Panel()
    panel.append_labels(labels_table([("p", 1.0, 1)]))
    orphans = panel.ingested.orphans
    log = MemoryLog()
    log.predict("p", at=0, score=0.5)
    panel.append_predictions(log.predictions("s", "")[0])
    assert (1, 0, 1) == (orphans, panel.ingested.orphans, panel.ingested.labels)


def test_the_same_prediction_read_twice_is_one() -> None:
    """An id counts once, also within one table."""
    log = MemoryLog()
    log.predict("p", at=0, score=0.5)
    log.predict("p", at=0, score=0.5)
    panel = panel_of(log)
    panel.append_predictions(log.predictions("s", "")[0])
    assert (1, 3) == (panel.ingested.predictions, panel.ingested.duplicates)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 2.0])
def test_a_label_that_cannot_be_one_is_counted_and_not_used(value: float) -> None:
    """Labels are in [0, 1]; anything else is invalid and the prediction stays unlabelled."""
    log = MemoryLog()
    log.predict("p", at=0, score=0.5)
    log.label("p", value, at=1)
    assert (0, 1) == (panel_of(log).ingested.labels, panel_of(log).ingested.invalid)


def test_window_of_predictions_that_came_out_of_order() -> None:
    """Gateways interleave: a window finds its rows wherever they stand in the log."""
    log = MemoryLog()
    panel = Panel()
    for row, at in enumerate((10, 30, 20, 40, 15)):
        log.predict(f"p{row}", at=at, score=0.5)
        panel.append_predictions(log.predictions("s", str(row))[0])
    assert [2, 4] == panel.between(12, 30).tolist()


def test_rows_read_together_are_taken_in_the_order_of_their_times() -> None:
    """A log read anew gives one gateway after the other; the panel has their rows by time, the labels still theirs."""
    log = MemoryLog()
    for name, at in (("a", 10), ("b", 30), ("c", 20)):
        log.predict(name, at=at, score=0.5)
    log.label("c", 1.0, at=50)
    panel = panel_of(log)
    assert [10, 20, 30] == panel.ints("at").tolist()
    assert [False, True, False] == (panel.floats("label") == 1).tolist()


def test_grows_beyond_its_first_capacity() -> None:
    """Ten thousand rows in batches keep their columns."""
    panel = Panel()
    for start in range(0, 10_000, 1000):
        log = MemoryLog()
        for row in range(start, start + 1000):
            log.predict(f"p{row}", at=row, score=row / 10_000)
        panel.append_predictions(log.predictions("s", "")[0])
    assert np.array_equal(np.arange(10_000) / 10_000, panel.floats("score"))


def test_missing_column_is_named_and_changes_nothing() -> None:
    """A log without scores is refused, and nothing of it was taken."""
    log, panel = MemoryLog(), Panel()
    log.predict("p", at=0, score=0.5)
    with pytest.raises(MissingColumn, match="'score'"):
        panel.append_predictions(log.predictions("s", "")[0].drop_columns(["score"]))
    assert 0 == panel.rows
    assert panel.append_predictions(log.predictions("s", "")[0])[0].tolist() == [0]


@settings(max_examples=40)
@given(st.permutations(range(12)))
def test_order_within_an_instant_is_of_the_entities(order: list[int]) -> None:
    """Whichever request of an instant was answered first, rows are taken in the same order."""
    logs = MemoryLog(), MemoryLog()
    for log, rows in zip(logs, (range(12), order), strict=True):
        for place, row in enumerate(rows):
            log.predict(f"p{place}", at=row // 6, score=row / 12, entity=f"flight {row}")

    one, other = (panel_of(log).floats("score").tolist() for log in logs)

    assert one == other
