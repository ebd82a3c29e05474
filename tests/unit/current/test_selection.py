"""`hs.runs`: the runs of this project as a table."""

import math
from pathlib import Path

import polars as pl
import pytest

import homeostat as hs
from homeostat.core.errors import InvalidFilter, NotFound, NoWorkspace


@pytest.fixture(autouse=True)
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        params = {"lr": number / 10, "depth": number, "net": "cnn", "odd": "text" if number else 1, "fast": number > 1}
        with hs.run(f"n{number}", experiment="tuning" if number else "", params=params, system_metrics=False) as run:
            run.log(loss=math.nan if number == 1 else float(number))


def test_rows_are_in_the_order_asked_for() -> None:
    """Filter and order are those of the command line; NaN comes last."""
    found = hs.runs("params.lr < 0.5", order_by="metrics.loss DESC")

    assert ["n2", "n0", "n1"] == [row["name"] for row in found]
    assert (3, "n2") == (len(found), found[0]["name"])


def test_columns_have_the_types_of_their_values() -> None:
    """Numbers, truth values and times are such; what is mixed is text."""
    frame = hs.runs(order_by=["start_time ASC"]).polars()

    assert [pl.Float64, pl.Int64, pl.String, pl.String, pl.Boolean, pl.Float64, pl.Datetime("us", "UTC")] == [
        frame[name].dtype
        for name in (
            "params.lr",
            "params.depth",
            "params.net",
            "params.odd",
            "params.fast",
            "metrics.loss",
            "started_at",
        )
    ]
    assert ["1", "text", "text"] == frame["params.odd"].to_list()
    assert math.isnan(frame["metrics.loss"][1])


def test_pandas_gets_the_same() -> None:
    """The pandas frame has the columns and rows of the other one."""
    found = hs.runs()

    assert found.polars().columns == list(found.pandas().columns)


def test_one_experiment() -> None:
    """Only its runs, by name; one that is not there is named."""
    assert {"n1", "n2"} == {row["name"] for row in hs.runs(experiment="tuning")}
    with pytest.raises(NotFound, match="nothing"):
        hs.runs(experiment="nothing")


def test_nothing_found_is_an_empty_table() -> None:
    """A filter that holds for no run gives no rows, and columns all the same."""
    assert (0, True) == ((frame := hs.runs("status = 'scheduled'").polars()).height, "run_id" in frame.columns)


def test_what_cannot_be_read_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong filter, or a folder in which nothing was tracked."""
    with pytest.raises(InvalidFilter):
        hs.runs("metrics.loss ~ 3")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(NoWorkspace, match="No run was tracked"):
        hs.runs()
