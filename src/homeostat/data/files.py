"""Tables from files and to files, by suffix."""

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, NotFound

_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    # The whole file decides a column's type: a column whose first thousand values are whole may hold decimals later.
    ".csv": lambda path: pl.read_csv(path, try_parse_dates=True, infer_schema_length=None),
    ".tsv": lambda path: pl.read_csv(path, separator="\t", try_parse_dates=True, infer_schema_length=None),
    ".jsonl": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    ".ndjson": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    ".parquet": lambda path: pl.read_parquet(path, glob=False),
    ".arrow": pl.read_ipc,
    ".feather": pl.read_ipc,
}


def read_file(path: Path) -> Table:
    """The rows of a CSV, TSV, JSON Lines, Parquet or Arrow file.

    Raises: NotFound if there is no such file. BadData if its suffix is unknown, or its content is not of that kind.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path} (seen from {Path.cwd()}). Check the path.")
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise BadData(f"{path} has no suffix that is known. Name it {', '.join(_READERS)}, after what it holds.")
    try:
        return Table.of(read(path))
    except (pl.exceptions.PolarsError, pa.ArrowInvalid, OSError) as error:
        raise BadData(f"{path} cannot be read as {path.suffix}: {error}.") from error


def write_file(path: Path, schema: pa.Schema, parts: Iterable[pa.Table]) -> None:
    """Write the rows of `parts`, one part in memory at a time; a file that is there is replaced when all of it is written.

    Raises: BadData if the suffix is unknown, or its kind of file cannot hold a column (lists in CSV).
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise BadData(f"{path} has no suffix that can be written. Name it {', '.join(_WRITERS)}.")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            write(file, schema, parts)
        beside.replace(path)
    except (pl.exceptions.PolarsError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadData(
            f"The rows cannot be written as {path.suffix}: {error}. Write .parquet, which holds any type."
        ) from error
    except FileNotFoundError as error:
        raise NotFound(
            f"There is no directory {path.parent} for {path.name}. Make it first, or name another."
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _write_parquet(file: BinaryIO, schema: pa.Schema, parts: Iterable[pa.Table]) -> None:
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(part)


def _write_text(separator: str) -> Callable[[BinaryIO, pa.Schema, Iterable[pa.Table]], None]:
    def write(file: BinaryIO, schema: pa.Schema, parts: Iterable[pa.Table]) -> None:
        pl.DataFrame(schema.empty_table()).write_csv(file, separator=separator)
        for part in parts:
            pl.DataFrame(part).write_csv(file, separator=separator, include_header=False)

    return write


_WRITERS: dict[str, Callable[[BinaryIO, pa.Schema, Iterable[pa.Table]], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_text(","),
    ".tsv": _write_text("\t"),
}
