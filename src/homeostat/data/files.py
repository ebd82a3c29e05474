"""Tables from files, by suffix."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa

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
