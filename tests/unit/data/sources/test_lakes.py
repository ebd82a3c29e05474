"""Tables of lake formats, each written by its own library."""

import importlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homeostat.core.errors import UserError
from homeostat.data.service import Datasets
from homeostat.data.sources.records import Origin
from homeostat.data.sources.service import Sources

FIRST = pa.table({"n": pa.array([1, 2], pa.int64()), "s": ["a", "b"]})
MORE = pa.table({"n": pa.array([3], pa.int64()), "s": ["c"]})


def numbers(datasets: Datasets) -> list[int]:
    return sorted(datasets.read(datasets.version("rows")).polars()["n"].to_list())


def holds_what_the_table_holds(sources: Sources, datasets: Datasets, uri: str, more: Any) -> list[str]:
    """Import, update, add rows by `more`, update. Returns: outcomes."""
    first = sources.import_url("rows", Origin(uri=uri))
    assert [1, 2] == numbers(datasets)
    again = sources.update("rows")
    more()
    third = sources.update("rows")
    assert [1, 2, 3] == numbers(datasets)
    return [first.outcome, again.outcome, third.outcome]


def test_delta(sources: Sources, datasets: Datasets, root: Path) -> None:
    """A version that is known is not read again, and it stands in the lineage."""
    deltalake = pytest.importorskip("deltalake", reason="needs the extra `delta`")
    path = str(root / "table")
    deltalake.write_deltalake(path, FIRST)

    outcomes = holds_what_the_table_holds(
        sources, datasets, path, lambda: deltalake.write_deltalake(path, MORE, mode="append")
    )

    assert ["new version", "not changed", "new version"] == outcomes
    assert datasets.version("rows").source.endswith(" version=1")


def test_lance(sources: Sources, datasets: Datasets, root: Path) -> None:
    """A version that is known is not read again, and it stands in the lineage."""
    lance = pytest.importorskip("lance", reason="needs the extra `lance`")
    path = str(root / "table.lance")
    lance.write_dataset(FIRST, path)

    outcomes = holds_what_the_table_holds(
        sources, datasets, f"lance+{path}", lambda: lance.write_dataset(MORE, path, mode="append")
    )

    assert ["new version", "not changed", "new version"] == outcomes
    assert datasets.version("rows").source.endswith(" version=2")


def test_iceberg(sources: Sources, datasets: Datasets, root: Path) -> None:
    """A snapshot that is known is not read again, and it stands in the lineage."""
    pytest.importorskip("pyiceberg", reason="needs the extra `iceberg`")
    catalogs = pytest.importorskip("pyiceberg.catalog.sql")
    catalog = catalogs.SqlCatalog("c", uri=f"sqlite:///{root / 'catalog.db'}", warehouse=f"file://{root}")
    catalog.create_namespace("lake")
    table = catalog.create_table("lake.rows", FIRST.schema)
    table.append(FIRST)

    outcomes = holds_what_the_table_holds(
        sources, datasets, table.location().removeprefix("file://"), lambda: table.append(MORE)
    )
    catalog.close()

    assert ["new version", "not changed", "new version"] == outcomes
    assert f"snapshot={table.current_snapshot().snapshot_id}" in datasets.version("rows").source


def test_a_missing_library_is_named(sources: Sources, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setattr(importlib, "import_module", _missing)

    with pytest.raises(UserError, match=r"pip install 'homeostat\[delta\]'"):
        sources.import_url("rows", Origin(uri=f"delta+{root}"))


def _missing(name: str) -> None:
    raise ModuleNotFoundError(name)
