"""Tables as values: what steps take and return, under the id of their content.

A `Table` never changes. It is made from anything tabular, settled into one form (see `table_types`), and named by
the rows it holds (see `table_digest`), whatever they were read from. On disk it is a zstd Parquet file.
"""

import io
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from homeostat.codec.table_digest import TableDigest, digest_table
from homeostat.codec.table_types import settle, spelled
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, MissingColumn, WrongType


class Table:
    """Rows under named, typed columns. Immutable; safe for threads.

    Two tables are equal when their ids are: the same columns in the same order with the same rows in the same order.

    Attributes:
        origin: lineage nodes these rows were taken from, such as `dataset:flights@12`.
    """

    def __init__(self, settled: pa.Table, *, origin: tuple[str, ...] = ()) -> None:
        """Use `Table.of`; this takes a pyarrow table whose types are settled already."""
        self._arrow = settled
        self.origin = origin

    @staticmethod
    def of(value: Any, *, origin: tuple[str, ...] = ()) -> "Table":
        """A table from another, a pyarrow table, a polars or pandas frame, or a dict of columns.

        A pandas index is not a column; reset it first if it means something.

        Raises: WrongType naming the type, or the column that cannot be held.
        """
        if isinstance(value, Table):
            return Table(value.arrow(), origin=origin) if origin else value
        return Table(settle(_as_arrow(value)), origin=origin)

    def arrow(self) -> pa.Table:
        return self._arrow

    def polars(self) -> pl.DataFrame:
        return self._polars

    def pandas(self) -> Any:
        """A pandas frame of its own; needs pandas installed."""
        return self._arrow.to_pandas()

    @cached_property
    def _polars(self) -> pl.DataFrame:
        return pl.DataFrame(self._arrow)

    @cached_property
    def parts(self) -> TableDigest:
        """The id with the column roots it is made of; computed once."""
        return digest_table(self._arrow)

    @cached_property
    def digest(self) -> Digest:
        """Content id; computed once."""
        return self.parts.id

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._arrow.column_names)

    @cached_property
    def types(self) -> dict[str, str]:
        """Spelled type of each column."""
        return {field.name: spelled(field.type) for field in self._arrow.schema}

    @property
    def rows(self) -> int:
        return int(self._arrow.num_rows)

    def __len__(self) -> int:
        return self.rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.rows} rows × {len(self.columns)} columns)"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Table, (self._arrow,), {"origin": self.origin})


class Dataset(Table):
    """A table that is a version of a dataset, or a window of one.

    Attributes:
        name: of the dataset.
        version: its number.
    """

    def __init__(self, settled: pa.Table, *, name: str, version: int, origin: tuple[str, ...] = ()) -> None:
        super().__init__(settled, origin=origin)
        self.name = name
        self.version = version

    def __repr__(self) -> str:
        return f"Dataset({self.name}@{self.version}, {self.rows} rows × {len(self.columns)} columns)"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_dataset, (self._arrow, self.name, self.version, self.origin))


def _dataset(settled: pa.Table, name: str, version: int, origin: tuple[str, ...]) -> Dataset:
    return Dataset(settled, name=name, version=version, origin=origin)


def encode(table: Table) -> bytes:
    """The bytes of a table on disk: zstd Parquet."""
    return write_segment(table.arrow())


def decode(source: Path | bytes) -> Table:
    """The table of `encode`'s bytes, or of a file with them.

    Raises: CorruptObject if they are not Parquet.
    """
    return Table(read_segment(source))


def write_segment(rows: pa.Table) -> bytes:
    """Rows of settled types as zstd Parquet; the same rows in the same chunks give the same bytes."""
    sink = io.BytesIO()
    # Differences of whole numbers and instants: a seventh less for flights, and a short segment packs as well as a long one.
    deltas = {field.name: "DELTA_BINARY_PACKED" for field in rows.schema if _is_whole(field.type)}
    # Dictionaries of texts only: zstd finds other repetition as well, and segments are small. No statistics: manifests hold
    # the bounds.
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=[field.name for field in rows.schema if pa.types.is_large_string(field.type)],
        write_statistics=False,
        column_encoding=deltas,
    )
    return sink.getvalue()


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_temporal(kind))


def read_segment(source: Path | bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Rows of a segment, in settled types.

    Args:
        source: its bytes or its file.
        columns: which columns, in this order; all if None.

    Raises: CorruptObject if it is not Parquet. MissingColumn if a column is not in it.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(source) if isinstance(source, bytes) else source) as file:
            names = file.schema_arrow.names
            missing = [name for name in columns or () if name not in names]
            if missing:
                raise MissingColumn(f"No column {', '.join(map(repr, missing))}. There are: {', '.join(names)}.")
            rows = file.read(columns=columns, use_threads=False)
    except pa.ArrowInvalid as error:
        what = f"{len(source)} bytes" if isinstance(source, bytes) else str(source)
        raise CorruptObject(
            f"Not a table in Parquet: {what} ({error}). Restore it from a copy, or import it again."
        ) from error
    return settle(rows if columns is None else rows.select(columns))


def _as_arrow(value: Any) -> pa.Table:
    if isinstance(value, pa.Table):
        return value
    if isinstance(value, pl.DataFrame):
        return value.to_arrow()
    pandas = sys.modules.get("pandas")  # never imported for asking: a frame exists only where pandas is loaded
    try:
        if pandas is not None and isinstance(value, pandas.DataFrame):
            return pa.Table.from_pandas(value, preserve_index=False)
        if isinstance(value, dict):
            return pa.table({name: _as_array(column) for name, column in value.items()})
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
        raise WrongType(f"No table can be made of this {type(value).__name__}: {error}.") from error
    raise WrongType(
        f"{type(value).__module__}.{type(value).__qualname__} is not a table. Give a pyarrow table, a polars or pandas "
        f"frame, or a dict of equally long columns."
    )


def _as_array(column: Any) -> Any:
    if isinstance(column, pl.Series):
        return column.to_arrow()
    return column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)
