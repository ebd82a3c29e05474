"""What digests alone say of two versions of a table."""

from pathlib import Path

import polars as pl
import pytest

from homeostat.data.diffs.outline import Outline, outline
from homeostat.data.versions import Versions
from homeostat.store.objects import FileObjects

ROWS = pl.DataFrame({"id": range(100), "price": [float(value) for value in range(100)]})


def between(folder: Path, old: pl.DataFrame, new: pl.DataFrame) -> Outline:
    versions = Versions(FileObjects(folder))
    before, after = (versions.draft(None, [rows.to_arrow()], keeps_history=False).content for rows in (old, new))
    return outline(before, after)


def test_equal_tables_have_nothing_to_compare(tmp_path: Path) -> None:
    """The same rows are the same digests."""
    assert Outline(is_appended=True, touched={}, moved=0, rows=0) == between(tmp_path, ROWS, ROWS)


def test_a_column_that_changed_is_named(tmp_path: Path) -> None:
    """Rows that stand side by side differ in the columns whose digests do, and in no other."""
    assert Outline(is_appended=False, touched={"price": 100}, moved=0, rows=200) == between(
        tmp_path, ROWS, ROWS.with_columns(price=pl.col("price") * 2)
    )


def test_a_column_that_came_touches_no_other(tmp_path: Path) -> None:
    """What both versions have is compared; a new column changes none of it."""
    assert Outline(is_appended=True, touched={}, moved=0, rows=0) == between(
        tmp_path, ROWS, ROWS.with_columns(sold=pl.lit(True))
    )


@pytest.mark.parametrize("new", [ROWS[1:], ROWS[:50], ROWS[:0]])
def test_rows_that_went_are_moved(tmp_path: Path, new: pl.DataFrame) -> None:
    """A version of fewer rows is no append, and the rows of both have to be compared."""
    found = between(tmp_path, ROWS, new)

    assert (False, True) == (found.is_appended, found.rows >= 100)
