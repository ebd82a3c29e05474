"""Tables from files and to files, by suffix."""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, NotFound, UserError
from homeostat.data.delimited import delimited_batches, guessed_batches, read_delimited


def read_file(path: Path) -> Table:
    """The rows of a CSV, TSV, JSON Lines, Parquet, Arrow or Excel file. Types of CSV and TSV: see `delimited`.

    Raises: NotFound if there is no such file. BadData if its suffix is unknown, or its content is not of that kind; it names the
        line where that can be told. UserError if the package that reads its kind is not installed.
    """
    check_file(path)
    suffix = path.suffix.lower()
    read = _reader(path, suffix)
    with _errors_named(path, suffix):
        return Table.of(read(path))


def read_batches(path: Path, kind: str = "", *, guesses: bool = False) -> pa.RecordBatchReader:
    """As `read_file`, for files larger than memory where their kind allows it: CSV, TSV, Parquet, Arrow.

    Args:
        kind: the suffix to go by, if it is not the path's own.
        guesses: guess the types of text and raise OtherTypes while it is read if they turn out to be wrong; see `guessed_batches`.

    Raises: as `read_file`, also while it is read; types are not settled yet.
    """
    check_file(path)
    suffix = (kind or path.suffix).lower()
    if suffix in _SEPARATORS:
        read = guessed_batches if guesses else delimited_batches
        return pa.RecordBatchReader.from_batches(*read(path, _SEPARATORS[suffix]))
    read_whole = _reader(path, suffix)
    with _errors_named(path, suffix):
        if suffix == ".parquet":
            file = pq.ParquetFile(path, pre_buffer=False)  # else it keeps all that it has read
            return pa.RecordBatchReader.from_batches(file.schema_arrow, _parquet_batches(path, file))
        found = read_whole(path)
        return (found if isinstance(found, pa.Table) else found.to_arrow()).to_reader()


def check_file(path: Path) -> None:
    """Raises: NotFound if there is no such file."""
    if not path.is_file():
        raise NotFound(f"There is no file {path} (seen from {Path.cwd()}). Check the path.")


def _reader(path: Path, suffix: str) -> Callable[[Path], pa.Table | pl.DataFrame]:
    read = READERS.get(suffix)
    if read is None:
        raise BadData(f"{path} has no suffix that is known. Name it {', '.join(READERS)}, after what it holds.")
    return read


@contextmanager
def _errors_named(path: Path, suffix: str) -> Iterator[None]:
    """What libraries say of a file is said with its name."""
    try:
        yield
    except (pl.exceptions.PolarsError, pa.ArrowInvalid, OSError) as error:
        raise BadData(
            f"{path} cannot be read as {suffix}: {str(error).rstrip('.')}. Check that it is whole, and what its suffix says."
        ) from error


def _parquet_batches(path: Path, file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    with _errors_named(path, ".parquet"):
        yield from file.iter_batches()


def _read_json_lines(path: Path) -> pl.DataFrame:
    try:
        return pl.read_ndjson(path, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise BadData(f"{path} cannot be read as {path.suffix}: {_wrong_line(path) or error}.") from error


def _wrong_line(path: Path) -> str:
    """The first line that is not a JSON object; empty if each is."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return f"line {number} is no JSON object: a line is a row, an object of values by column"
            except ValueError as error:
                return f"line {number} is not JSON: {error}"
    return ""


def _read_arrow(path: Path) -> pa.Table:
    """An Arrow IPC file, or a stream in a file."""
    with pa.memory_map(str(path)) as source:
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        return (pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)).read_all()


def _read_excel(path: Path) -> pl.DataFrame:
    """The first sheet, its first row the names of the columns."""
    try:
        return pl.read_excel(path, engine="calamine", infer_schema_length=None)
    except ModuleNotFoundError as error:
        raise UserError(f"{path} needs a package that reads Excel files: pip install 'homeostat[excel]'.") from error
    except Exception as error:
        if type(error).__module__.lstrip("_") != "fastexcel":
            raise
        raise BadData(f"{path} cannot be read as {path.suffix}: {error}.") from error


_SEPARATORS = {".csv": ",", ".tsv": "\t"}
READERS: dict[str, Callable[[Path], pa.Table | pl.DataFrame]] = {
    ".csv": lambda path: read_delimited(path, ","),
    ".tsv": lambda path: read_delimited(path, "\t"),
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": lambda path: pq.ParquetFile(path).read(),
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".xlsx": _read_excel,
    ".xls": _read_excel,
    ".ods": _read_excel,
}


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
