"""Rows that come in batches, from files or sources, are held to the dataset's contract like any others."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from homeostat.core.errors import ContractViolated
from homeostat.data.contracts.contract import Contract, InRange
from homeostat.data.service import Datasets
from homeostat.data.sources.records import Origin
from homeostat.data.sources.service import Sources

CONTRACT = Contract(name="small", expectations=(InRange(column="n", high=100.0),), tolerance=0.25)
SOME_BAD = [1, 2, 3, 4, 5, 6, 7, 800]
ALL_BAD = [700, 800]

Route = Callable[[Sources, Datasets, Path], object]


def batches(path: Path) -> pa.RecordBatchReader:
    """The rows of a file, two at a time."""
    return pl.read_parquet(path).to_arrow().to_reader(max_chunksize=2)


ROUTES: dict[str, Route] = {
    "streamed": lambda _, datasets, path: datasets.import_batches("rows", batches(path), source="s"),
    "streamed in its place": lambda _, datasets, path: datasets.import_batches(
        "rows", batches(path), source="s", replace=True
    ),
    "imported": lambda sources, _, path: sources.import_url("rows", Origin(uri=str(path))),
    "appended": lambda sources, _, path: sources.append("rows", Origin(uri=str(path))),
}


def written(root: Path, numbers: list[int], name: str = "rows.parquet") -> Path:
    pl.DataFrame({"n": numbers}).write_parquet(root / name)
    return root / name


@pytest.mark.parametrize("route", ROUTES)
def test_failing_rows_are_kept_out(route: str, sources: Sources, datasets: Datasets, root: Path) -> None:
    """A few rows that fail go to quarantine, and the others make the version, in their order."""
    datasets.set_contract("rows", CONTRACT)

    ROUTES[route](sources, datasets, written(root, SOME_BAD))

    [kept_out] = datasets.quarantined("rows")
    assert SOME_BAD[:-1] == datasets.read(datasets.version("rows")).polars()["n"].to_list()
    assert [800] == datasets.quarantined_rows(kept_out.id).polars()["n"].to_list()


@pytest.mark.parametrize("route", ROUTES)
def test_what_fails_is_refused(route: str, sources: Sources, datasets: Datasets, root: Path) -> None:
    """Rows that fail in number are blocked, kept apart, and no version is made."""
    datasets.set_contract("rows", CONTRACT)

    with pytest.raises(ContractViolated):
        ROUTES[route](sources, datasets, written(root, ALL_BAD))

    [block] = datasets.blocks(["rows"])
    assert 2 == block.rows
    assert "rows" not in datasets.names()


def test_an_update_that_fails_leaves_the_version_as_it_was(sources: Sources, datasets: Datasets, root: Path) -> None:
    """Only the new files of a directory are judged; when they are refused, what was there stays."""
    days = root / "days"
    days.mkdir()
    datasets.set_contract("rows", CONTRACT)
    written(days, [1, 2], "1.parquet")
    sources.import_url("rows", Origin(uri=str(days)))
    written(days, ALL_BAD, "2.parquet")

    with pytest.raises(ContractViolated, match="blocked 2 rows"):
        sources.update("rows")

    assert [1, 2] == datasets.read(datasets.version("rows")).polars()["n"].to_list()


def test_an_update_that_was_refused_is_tried_again(sources: Sources, datasets: Datasets, root: Path) -> None:
    """The source's state is remembered only with the rows: once it is mended, the update takes it."""
    path = written(root, [1, 2])
    datasets.set_contract("rows", CONTRACT)
    sources.import_url("rows", Origin(uri=str(path)))
    written(root, ALL_BAD)
    with pytest.raises(ContractViolated):
        sources.update("rows")
    written(root, [3, 4])

    done = sources.update("rows")

    assert ("new version", 2) == (done.outcome, done.version)
