"""Tables of lake formats: Delta, Iceberg and Lance, each through its own library.

Their version or snapshot is recorded beside our id. A version that is known is not read again.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from homeostat.core.errors import BadData, NotFound, UserError
from homeostat.data.sources.address import conceal, expand
from homeostat.data.sources.ports import Fetched
from homeostat.data.sources.records import Origin, State


class DeltaTable:
    """`delta+URI`, or a directory with a `_delta_log`."""

    def __init__(self, origin: Origin, place: str) -> None:
        self._uri, self._place = origin.uri, place

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`."""
        deltalake = _library("deltalake", "delta", self._uri)
        errors = importlib.import_module("deltalake.exceptions")
        try:
            table = deltalake.DeltaTable(expand(self._place))
            state = {"table": str(table.metadata().id), "version": str(table.version())}
            if state == known:
                return Fetched(state, None)
            return Fetched(state, pa.RecordBatchReader.from_stream(table.to_pyarrow_dataset().scanner().to_reader()))
        except errors.TableNotFoundError as error:
            raise _missing(self._uri, "Delta", error) from error
        except (errors.DeltaError, OSError) as error:
            raise _unreadable(self._uri, "Delta", error) from error


class IcebergTable:
    """`iceberg+URI` of a metadata file, or a directory of a table on this machine: its newest metadata file counts."""

    def __init__(self, origin: Origin, place: str) -> None:
        self._uri, self._place = origin.uri, place

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`."""
        tables = _library("pyiceberg.table", "iceberg", self._uri)
        try:
            table: Any = tables.StaticTable.from_metadata(self._metadata())
            snapshot = table.current_snapshot()
            state = {"table": str(table.metadata.table_uuid), "snapshot": str(snapshot.snapshot_id if snapshot else 0)}
            if state == known:
                return Fetched(state, None)
            return Fetched(state, table.scan().to_arrow_batch_reader())
        except FileNotFoundError as error:
            raise _missing(self._uri, "Iceberg", error) from error
        except (ValueError, OSError) as error:
            raise _unreadable(self._uri, "Iceberg", error) from error

    def _metadata(self) -> str:
        place = expand(self._place)
        if place.endswith(".metadata.json"):
            return place
        found = sorted(Path(place).glob("metadata/*.metadata.json"), key=lambda path: (_number(path.name), path.name))
        if not found:
            raise NotFound(
                f"{self._uri} has no metadata/*.metadata.json on this machine. Name the table's newest metadata file instead."
            )
        return str(found[-1])


class LanceTable:
    """`lance+URI`, or a directory `*.lance`."""

    def __init__(self, origin: Origin, place: str) -> None:
        self._uri, self._place = origin.uri, place

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`."""
        lance = _library("lance", "lance", self._uri)
        try:
            table = lance.dataset(expand(self._place))
            state = {"version": str(table.version)}
            if state == known:
                return Fetched(state, None)
            return Fetched(state, table.scanner().to_reader())
        except ValueError as error:
            if "not found" in str(error):
                raise _missing(self._uri, "Lance", error) from error
            raise _unreadable(self._uri, "Lance", error) from error
        except OSError as error:
            raise _unreadable(self._uri, "Lance", error) from error


def _number(name: str) -> int:
    """The number that begins a metadata file's name: `00002-...` or `v2...`."""
    digits = name.lstrip("v").split("-")[0].split(".")[0]
    return int(digits) if digits.isdecimal() else -1


def _library(module: str, extra: str, uri: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(f"{uri} needs a package that is not installed: pip install 'homeostat[{extra}]'.") from error


def _missing(uri: str, kind: str, error: Exception) -> NotFound:
    return NotFound(f"There is no {kind} table at {uri}: {conceal(str(error), uri)}. Check the address.")


def _unreadable(uri: str, kind: str, error: Exception) -> BadData:
    return BadData(f"{uri} cannot be read as a {kind} table: {conceal(str(error), uri)}.")
