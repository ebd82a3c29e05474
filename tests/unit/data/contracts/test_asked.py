"""What systems were asked in production, read from their log and compared with a dataset."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from homeostat.core.clock import DAY, Micros
from homeostat.data.contracts.asked import asked
from homeostat.data.contracts.contract import Contract, NoSkew
from homeostat.serve.log import predictions_schema
from homeostat.serve.segments import SegmentWriter
from homeostat.workspace import Config, Project, Store, Workspace

NOW = Micros(100 * DAY)
RANDOM = np.random.default_rng(0)


def predictions(at_days: list[float], **inputs: list[float]) -> pa.Table:
    at = pa.array([round(day * DAY) for day in at_days], pa.timestamp("us", tz="UTC"))
    return pa.table({"at": at} | {f"in_{name}": values for name, values in inputs.items()})


def read(*batches: pa.Table) -> Iterator[tuple[pa.Table, str]]:
    for number, batch in enumerate(batches, start=1):
        yield batch, str(number)
    yield batches[0].slice(0, 0), ""


def test_only_the_last_while_counts() -> None:
    """Predictions from before the while are left out, in whatever batch they come."""
    batches = read(predictions([1, 9], x=[1.0, 2.0]), predictions([8, 2], x=[3.0, 4.0]))

    found = asked(lambda _: next(batches), ["x"], Micros(8 * DAY))

    assert (2, 2.0, 3.0) == (found.rows, found.columns["x"].low, found.columns["x"].high)


def test_the_log_is_read_on_from_each_cursor() -> None:
    """Each batch begins where the one before ended."""
    batches, cursors = read(predictions([1], x=[1.0]), predictions([1], x=[1.0])), []

    def after(cursor: str) -> tuple[pa.Table, str]:
        cursors.append(cursor)
        return next(batches)

    asked(after, ["x"], Micros(0))

    assert ["", "1", "2"] == cursors


def test_inputs_that_were_never_logged_are_not_in_the_profile() -> None:
    """A column that is no input of the system has nothing to be compared with."""
    batches = read(predictions([1], x=[1.0]))

    assert ["x"] == list(asked(lambda _: next(batches), ["x", "y"], Micros(0)).columns)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A project at day 100 whose gateway was asked on day 99 about 500 rows with a normal `x`."""
    config = Config(project=Project(name="example"), store=Store(clock="watermark"))
    with Workspace.create(tmp_path, config) as workspace:
        workspace.watermark.advance(NOW)
        schema = predictions_schema([("x", "float")])
        columns = {
            "at": pa.array([99 * DAY] * 500, pa.timestamp("us", tz="UTC")),
            "in_x": pa.array(RANDOM.normal(size=500)),
        }
        arrays = [columns.get(field.name, pa.nulls(500, field.type)) for field in schema]
        writer = SegmentWriter(workspace.home / "log" / "late" / "predictions", "g1")
        writer.begin(schema)
        writer.append(pa.record_batch(arrays, schema=schema))
        writer.close()
        yield workspace


@pytest.mark.parametrize(
    ("system", "last", "mean", "status"),
    [
        ("late", "7d", 0.0, "met"),
        ("late", "7d", 3.0, "blocked"),
        ("late", "1h", 3.0, "unchecked"),
        ("other", "7d", 3.0, "unchecked"),
    ],
)
def test_skew_against_the_log(workspace: Workspace, system: str, last: str, mean: float, status: str) -> None:
    """A project's contracts compare its datasets with what its gateways logged."""
    contract = Contract(name="c", expectations=(NoSkew(column="x", system=system, last=last),))

    found = workspace.datasets.guard.validate("rows", {"x": RANDOM.normal(mean, size=500)}, contract)

    assert [status] == [result.status for result in found.report.results]
