"""Text files that are what they were plus new lines: how that is told, and how the new lines alone are read."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
from blake3 import blake3

from homeostat.codec.table_types import settle
from homeostat.core.digests import Digest
from homeostat.data.delimited import OtherTypes, delimited_rest
from homeostat.data.files import check_file
from homeostat.data.records import Imported

_READ_BYTES = 8 << 20
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")


class Seen(NamedTuple):
    """A file, and whether it is one that was imported before plus whole lines."""

    file: Imported
    is_grown: bool


def look(path: Path, known: Imported | None) -> Seen:
    """Read the bytes of a file.

    Args:
        known: the file that was imported before, if any.

    Raises: NotFound if there is no such file.
    Cost: one pass over the file, as fast as it can be read.
    """
    check_file(path)
    hasher = blake3(max_threads=blake3.AUTO)
    buffer = memoryview(bytearray(_READ_BYTES))
    at, last, is_grown = 0, 0, False
    edge = known.size_bytes if known is not None and _has_lines(path) else 0
    with path.open("rb", buffering=0) as file:
        # Read up to the edge first, so that what lies before it has a digest of its own.
        while count := file.readinto(buffer[: edge - at if at < edge < at + _READ_BYTES else _READ_BYTES]):
            hasher.update(buffer[:count])
            at, last = at + count, buffer[count - 1]
            if at == edge and known is not None:
                is_grown = last == ord("\n") and hasher.hexdigest() == known.digest
    file_seen = Imported(size_bytes=at, digest=Digest(hasher.hexdigest()))
    return Seen(file_seen, is_grown and at > edge)


def read_rest(path: Path, offset: int, schema: pa.Schema, texts: AbstractSet[str]) -> Iterator[pa.Table]:
    """The rows of the lines from `offset` on, in settled types; see `delimited_rest`.

    Raises: OtherTypes if the whole file would be read in other types than `schema`. BadData if it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix in _SEPARATORS:
        for block in delimited_rest(path, _SEPARATORS[suffix], offset, schema, texts):
            yield settle(pa.Table.from_batches([block]))
        return
    with path.open("rb") as file:
        file.seek(offset)
        try:
            rows = settle(pl.read_ndjson(BytesIO(file.read()), infer_schema_length=None).to_arrow())
        except pl.exceptions.PolarsError as error:
            raise OtherTypes from error  # reading the whole file says which line is wrong
    if rows.schema != schema:
        raise OtherTypes
    yield rows


def _has_lines(path: Path) -> bool:
    return path.suffix.lower() in (*_SEPARATORS, *_LINES)
