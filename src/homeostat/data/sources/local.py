"""Files and directories of Parquet files on this machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from homeostat.core.digests import digest_chunks
from homeostat.core.errors import BadData
from homeostat.data.files import read_batches
from homeostat.data.sources.ports import Fetched
from homeostat.data.sources.records import State

_BLOCK_BYTES = 1 << 20


class LocalFile:
    """A table file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`. Cost: reads the file once for its digest."""
        batches = read_batches(self._path)
        state = {"blake3": _digest(self._path)}
        return Fetched(state, None if state == known else batches)


class ParquetFolder:
    """A directory whose `*.parquet` files are one table, in the order of their names."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`: only new files, if they come after those that are known. Cost: reads each file for its digest."""
        files = sorted(self._path.glob("*.parquet"))
        if not files:
            raise BadData(f"{self._path} holds no .parquet file. Name a directory that does, or a file.")
        state = {path.name: _digest(path) for path in files}
        if state == known:
            return Fetched(state, None)
        names = list(state)
        grows = (
            bool(known) and names[: len(known)] == sorted(known) and all(state[name] == known[name] for name in known)
        )
        return Fetched(state, _rows(files[len(known) :] if grows else files), is_rest=grows)


def _rows(files: Sequence[Path]) -> pa.RecordBatchReader:
    readers = [read_batches(path) for path in files]
    schema = readers[0].schema.remove_metadata()

    def batches() -> Iterator[pa.RecordBatch]:
        for path, reader in zip(files, readers, strict=True):
            if reader.schema.remove_metadata() != schema:
                raise BadData(f"{path} has other columns than {files[0].name}: {reader.schema.remove_metadata()}.")
            yield from (batch.replace_schema_metadata(None) for batch in reader)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return digest_chunks(iter(lambda: file.read(_BLOCK_BYTES), b""))
