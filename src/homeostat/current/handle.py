"""A dataset in the hands of a person: one version of it, its rows in any form, and the verbs of `homeostat data`.

`hs.dataset("flights").polars()`, or `hs.dataset("flights@2013-q1").diff("main").lines()`.
"""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from homeostat.codec.tables import Dataset
from homeostat.core.digests import short
from homeostat.core.errors import UserError
from homeostat.data.catalog.lines import MAIN
from homeostat.data.catalog.records import Appended, Version
from homeostat.data.diffs.files import FilesDiff
from homeostat.data.diffs.records import Diff
from homeostat.data.exchange.records import Exchanged
from homeostat.data.sources.records import Origin
from homeostat.data.suffixes import is_table
from homeostat.workspace import Workspace


class DatasetHandle:
    """One version of a dataset, or a dataset that has none yet. Immutable: verbs that make a version return its handle.

    Attributes:
        name: of the dataset.
    """

    def __init__(self, workspace: Workspace, name: str, version: Version | None) -> None:
        """Use `hs.dataset`."""
        self._workspace = workspace
        self._datasets = workspace.datasets
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
        return DatasetHandle(self._workspace, self.name, self._datasets.find(f"{self.name}@{label}"))

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
        return self._datasets.diff(self.version, after, key=_key(key))

    def versions(self) -> list[Version]:
        """Every version of the dataset, newest first."""
        return self._datasets.versions(self.name)

    def append(self, rows: Any, *, source: str = "", branch: str = MAIN) -> "DatasetHandle":
        """Add rows to the dataset's latest version, or begin it; the handle of the version that has them.

        Args:
            rows: a table, a pyarrow table, a polars or pandas frame, or a dict of columns.
            source: where they come from; the same rows of the same source are added to the main line once.
            branch: the line to add them to.

        Raises: ContractViolated, MissingColumn, WrongType, BadData as `Datasets.append`. NotFound if there is no such branch.
        """
        if branch != MAIN:
            return self._of(self._workspace.branches.append(self.name, branch, rows, source=source))
        return self._of(self._datasets.append(self.name, rows, source=source).version)

    def add(self, path: str | Path, *, as_file: bool = False) -> "DatasetHandle":
        """Make what lies at `path` the dataset's next version, if it differs from the last.

        A table file (CSV, Parquet, JSON Lines, Arrow, Excel) is its rows; a directory its files; any other file itself.

        Args:
            as_file: keep a table file as the file it is.

        Raises: NotFound, BadData, WrongType as `Datasets.import_file` and `Datasets.add_files`.
        """
        return self._of(self._added(Path(path), as_file=as_file).version)

    def import_url(self, uri: str, *, sql: str = "") -> "DatasetHandle":
        """Make what a URL, lake table or query holds the next version, and remember where it came from.

        Args:
            uri: a path, an http, https or s3 URL, a lake table, or with `sql` the URL of a database.

        Raises: as `Sources.import_url`.
        """
        return self.at(self._workspace.sources.import_url(self.name, Origin(uri=uri, sql=sql)).version)

    def update(self) -> "DatasetHandle":
        """Fetch what has changed at the dataset's source. Raises: as `Sources.update`."""
        return self.at(self._workspace.sources.update(self.name).version)

    def branch(self, name: str) -> "DatasetHandle":
        """Begin a branch at this version; its handle. Raises: as `Branches.create`."""
        self._workspace.branches.create(self.version, name)
        return self.at(name)

    def merge(self, branch: str, *, into: str = MAIN, key: str | tuple[str, ...] = ()) -> "DatasetHandle":
        """Bring what was done on a branch into the main line, or into another branch, row by row.

        Args:
            key: column or columns that name a row; without it a row is its values.

        Raises: MergeConflict and others as `Branches.merge`.
        """
        return self._of(self._workspace.branches.merge(self.name, branch, into=into, key=_key(key)).version)

    def tag(self, name: str) -> None:
        """Let a tag name this version.

        Raises: InvalidName if it cannot be a tag.
        """
        self._datasets.tag(self.version, name)

    def checkout(self, to: str | Path, *, links: bool = False) -> None:
        """Write this version out: rows to a .parquet, .csv or .tsv file, files to a new directory.

        Args:
            links: hard links to large files, read-only and unchecked, not copies.

        Raises: AlreadyExists, NotFound, CorruptObject as `Datasets.checkout`.
        """
        self._datasets.checkout(self.version, Path(to), links=links)

    def verify(self) -> None:
        """Read every byte of this version again. Raises: CorruptObject naming what is damaged."""
        self._datasets.verify(self.version)

    def push(self, remote: str = "") -> Exchanged:
        """Send this version to a remote; without a name, to the only one there is. Raises: as `Exchange.push`."""
        return self._workspace.exchange.push(self._workspace.remote(remote), [self.version], _unwatched)

    def pull(self, remote: str = "") -> Exchanged:
        """Fetch every version of the dataset that a remote has. Raises: as `Exchange.pull`."""
        return self._workspace.exchange.pull(self._workspace.remote(remote), self.name, "", _unwatched)

    def __repr__(self) -> str:
        if self._version is None:
            return f"<dataset {self.name}: no version yet>"
        version = self._version
        what = (
            f"{version.rows:,} files" if version.is_files else f"{version.rows:,} rows × {len(version.columns)} columns"
        )
        return f"<dataset {version.name}: {what}, id {short(version.id)}>"

    def _added(self, path: Path, *, as_file: bool) -> Appended:
        if is_table(path) and not as_file:
            return self._datasets.import_file(self.name, path, replace=True)
        return self._datasets.add_files(self.name, path)

    def _of(self, version: Version) -> "DatasetHandle":
        return DatasetHandle(self._workspace, self.name, version)


def handle(workspace: Workspace, named: str) -> DatasetHandle:
    """The handle of `flights`, `flights@3` or `flights@2013-q1`; of a dataset that is not there yet, to begin it.

    Raises: NotFound saying what there is, if a version is asked for.
    """
    if "@" not in named and named not in workspace.catalog.names():
        return DatasetHandle(workspace, named, None)
    version = workspace.catalog.find(named)
    return DatasetHandle(workspace, version.dataset, version)


def _key(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) and columns else tuple(columns)


def _unwatched(_done: int, _of: int) -> None:
    """Nobody wants to know how far it is."""
