"""A version as a polars LazyFrame that reads segments when it is collected: only the columns asked for, one segment at a time."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from homeostat.data.catalog.records import Version
from homeostat.data.versions import Versions


def scan(versions: Versions, version: Version) -> pl.LazyFrame:
    """The rows of a version, in order.

    Raises: CorruptObject as `Versions.segment`, when it is collected.
    Cost: reads the schema now, and when collected the columns that the query needs, until it has enough rows.
    """
    segments = versions.manifest(version).segments
    names = [column.name for column in version.columns]
    schema = pl.DataFrame(versions.segment(version, segments[0], names).slice(0, 0)).schema

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size  # a segment is a batch
        left = n_rows
        for segment in segments:
            if left is not None and left <= 0:
                return
            rows: pa.Table = versions.segment(version, segment, with_columns if with_columns is not None else names)
            frame = pl.DataFrame(rows if left is None else rows.slice(0, left))
            if left is not None:
                left -= frame.height
            yield frame if predicate is None else frame.filter(predicate)

    return register_io_source(read, schema=schema, is_pure=True)
