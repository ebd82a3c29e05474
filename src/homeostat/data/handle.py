"""A dataset in the hands of a person: one version of it, its rows in any form, and the verbs that make more versions.

`hs.dataset("flights").polars()`, or `hs.dataset("flights@2013-q1").diff("main").lines()`.
"""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from homeostat.codec.tables import Dataset
from homeostat.core.digests import short
from homeostat.core.errors import UserError
from homeostat.data.catalog.records import Appended, Version
from homeostat.data.diffs.files import FilesDiff
from homeostat.data.diffs.records import Diff
from homeostat.data.service import Datasets


class DatasetHandle:
    """One version of a dataset, or a dataset that has none yet. Immutable: verbs that make a version return its handle.

    Attributes:
        name: of the dataset.
    """

    def __init__(self, datasets: Datasets, name: str, version: Version | None) -> None:
        """Use `hs.dataset`."""
        self._datasets = datasets
        self._version = version
        self.name = name

    @property
    def version(self) -> Version:
        """The version this handle stands for.

        Raises: NotFound if the dataset has none yet.
        """
        return self._version or self._datasets.version(self.name)

    def at(self, label: int | str) -> "DatasetHandle":
        """Another version of the dataset, by its number, tag or branch.

        Raises: NotFound saying what there is.
        """
        return DatasetHandle(self._datasets, self.name, self._datasets.find(f"{self.name}@{label}"))

    def table(self) -> Dataset:
        """The rows, as steps take them.

        Raises: WrongType if it holds files. CorruptObject if the store lost its bytes.
        """
        return self._datasets.read(self.version)

    def arrow(self) -> pa.Table:
        """The rows as a pyarrow table. Raises as `table`."""
        return self.table().arrow()

    def polars(self) -> pl.DataFrame:
        """The rows as a polars frame. Raises as `table`."""
        return self.table().polars()

    def pandas(self) -> Any:
        """The rows as a pandas frame; needs pandas installed. Raises as `table`."""
        return self.table().pandas()

    def scan(self) -> pl.LazyFrame:
        """The rows as a polars LazyFrame, which reads the columns it needs, a segment at a time. Raises as `table`."""
        return self._datasets.scan(self.version)

    def diff(self, other: "DatasetHandle | int | str", *, key: str | tuple[str, ...] = ()) -> Diff | FilesDiff:
        """What differs between this version and another, which is the newer one of the two in what the diff says.

        Args:
            other: a handle, or the number, tag or branch of a version of this dataset.
            key: column or columns that name a row; without it rows are compared as a multiset. Files go by their paths.

        Raises: as `Datasets.diff`. UserError if `other` is of another dataset.
        """
        after = (other if isinstance(other, DatasetHandle) else self.at(other)).version
        if after.dataset != self.name:
            raise UserError(
                f"{self.version.name} and {after.name} are of two datasets: a diff is between versions of one."
            )
        if self.version.is_files and after.is_files:
            return self._datasets.diff_files(self.version, after)
        return self._datasets.diff(self.version, after, key=(key,) if isinstance(key, str) else key)

    def versions(self) -> list[Version]:
        """Every version of the dataset, newest first."""
        return self._datasets.versions(self.name)

    def append(self, rows: Any, *, source: str = "") -> "DatasetHandle":
        """Add rows to the dataset's latest version, or begin it; the handle of the version that has them.

        Args:
            rows: a table, a pyarrow table, a polars or pandas frame, or a dict of columns.
            source: where they come from; the same rows of the same source are added once.

        Raises: ContractViolated, MissingColumn, WrongType, BadData as `Datasets.append`.
        """
        return self._of(self._datasets.append(self.name, rows, source=source))

    def add(self, path: str | Path) -> "DatasetHandle":
        """Make a directory, or a file of any kind, the whole content of the dataset's next version.

        Raises: NotFound, BadData, WrongType as `Datasets.add_files`.
        """
        return self._of(self._datasets.add_files(self.name, Path(path)))

    def tag(self, name: str) -> None:
        """Let a tag name this version.

        Raises: InvalidName if it cannot be a tag.
        """
        self._datasets.tag(self.version, name)

    def __repr__(self) -> str:
        if self._version is None:
            return f"<dataset {self.name}: no version yet>"
        version = self._version
        what = (
            f"{version.rows:,} files" if version.is_files else f"{version.rows:,} rows × {len(version.columns)} columns"
        )
        return f"<dataset {version.name}: {what}, id {short(version.id)}>"

    def _of(self, appended: Appended) -> "DatasetHandle":
        return DatasetHandle(self._datasets, self.name, appended.version)


def handle(datasets: Datasets, named: str) -> DatasetHandle:
    """The handle of `flights`, `flights@3` or `flights@2013-q1`; of a dataset that is not there yet, to begin it.

    Raises: NotFound saying what there is, if a version is asked for.
    """
    if "@" not in named and named not in datasets.names():
        return DatasetHandle(datasets, named, None)
    version = datasets.find(named)
    return DatasetHandle(datasets, version.dataset, version)
