"""Values of steps as bytes and identities, and back.

Equal values have equal digests whatever run made them, so a step whose input was made again, but came out the same, is
not run again. Mutable values are read afresh for each use: no step can change what another one sees.
"""

import io
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any
from weakref import WeakValueDictionary

import msgspec
import numpy as np

from homeostat.capture.code import materialise
from homeostat.codec import loading, models, tables
from homeostat.codec.models import Model
from homeostat.codec.tables import Dataset, Table
from homeostat.core.digests import Digest, digest_bytes, digest_of, short
from homeostat.core.errors import WrongType
from homeostat.pipelines.boundary import RICH, conform
from homeostat.pipelines.handle import Handle, holds_handle, stored_of
from homeostat.pipelines.records import Stored
from homeostat.store import lineage
from homeostat.store.objects import ObjectStore

_INLINE = 1024  # bytes up to which plain data stays in the row: a file costs two fsyncs
_IMMUTABLE = (str, int, float, bool, NoneType)
_packer = msgspec.msgpack.Encoder(order="deterministic")


class Values:
    """Keeps and reads values. One for each run; for one thread.

    Args:
        code_tree: digest of the project's files, written into models.
        code_folder: where code trees of earlier models are written out.
    """

    def __init__(self, objects: ObjectStore, code_tree: Digest, code_folder: Path) -> None:
        self._objects = objects
        self.code_tree = code_tree
        self._code_folder = code_folder
        # Tables never change, so one that somebody still holds need not be read again.
        self._tables: WeakValueDictionary[Digest, Table] = WeakValueDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        return Values, (self._objects, self.code_tree, self._code_folder)

    def argument(self, value: Any, hint: Any, where: str) -> Stored:
        """The identity of an argument. Rows that came from a dataset are not written again: their origin is known.

        Raises: WrongType if it does not fit the hint, or cannot be kept.
        """
        if type(value) is Handle:
            return stored_of(value)
        if holds_handle(value):
            return self._group(value, lambda item, inside: self.argument(item, Any, inside), where)
        return self._keep(conform(value, hint, where), where, None)

    def projected(self, stored: Stored, rows: Table) -> Stored:
        """The identity of an argument of which a step is given some columns only: that of these columns."""
        return Stored(codec="table", digest=rows.digest, node=stored.node, origin=stored.origin, columns=_roots(rows))

    def output(self, value: Any, where: str, node: str) -> Stored:
        """Write a result.

        Args:
            value: checked already.
            where: begins the message if it cannot be kept.
            node: its lineage node if it has none by content.

        Raises: WrongType if it cannot be kept.
        """
        return self._keep(value, where, node)

    def live(self, stored: Stored, given: Any, hint: Any) -> Any:
        """The value of an argument for a step to work on: fresh, except for tables, which never change."""
        if isinstance(given, Table):
            return given
        if stored.is_group and not isinstance(given, Handle):
            items = list(given.values() if isinstance(given, dict) else given)
            fresh = [self.live(*pair, Any) for pair in zip(stored.items, items, strict=True)]
            return _regrouped(stored, fresh)
        return self.load(stored, hint)

    def load(self, stored: Stored, hint: Any = Any) -> Any:
        """Read a value.

        Raises: NotFound if its bytes are gone. CorruptObject if they are not what they were.
        """
        if stored.is_group:
            return _regrouped(stored, [self.load(item) for item in stored.items])
        if stored.codec == "table":
            return self._load_table(stored)
        if stored.codec == "dataset":
            return self._load_dataset(stored)
        content = stored.inline if stored.blob is None else self._objects.read(stored.blob)
        assert content is not None, f"{stored.codec} without bytes"
        if stored.codec == "model":
            return self._load_model(content)
        if stored.codec == "array":
            return np.load(io.BytesIO(content), allow_pickle=False)
        if stored.codec == "bytes":
            return content
        return msgspec.msgpack.decode(content, type=Any if hint is None else hint)

    def shipped(self, stored: Stored, given: Any) -> Stored:
        """The same value with all its bytes kept, for another process to load; rows of a dataset too."""
        if isinstance(given, Table) and stored.blob is None:
            return msgspec.structs.replace(stored, blob=self._objects.put(tables.encode(given)))
        if stored.is_group and not isinstance(given, Handle):
            parts = given.values() if isinstance(given, dict) else given
            items = tuple(self.shipped(*pair) for pair in zip(stored.items, parts, strict=True))
            return msgspec.structs.replace(stored, items=items)
        return stored

    def is_changed(self, value: Any, stored: Stored) -> bool:
        """Whether a value read from `stored` was changed in place since. Tables and models count as immutable."""
        if stored.is_group:
            parts = list(value.values() if isinstance(value, dict) else value)
            if len(parts) != len(stored.items) or (stored.codec == "dict" and tuple(value) != stored.keys):
                return True
            return any(self.is_changed(*pair) for pair in zip(parts, stored.items, strict=True))
        if stored.codec == "array":
            return _digest("array", _array_bytes(value, "argument")) != stored.digest
        if stored.codec == "value" and not isinstance(value, _IMMUTABLE):
            return _digest("value", _packer.encode(value)) != stored.digest
        return False

    def is_alike(self, one: Stored, other: Stored) -> bool:
        """Whether two results are the same; models also where only their bytes differ, by their canonical hash."""
        if one.codec == other.codec == "model" and one.blob is not None and other.blob is not None:
            files = [models.describe(self._objects.read(blob)) for blob in (one.blob, other.blob)]
            return files[0].canonical == files[1].canonical
        if one.items or other.items:
            shape = (one.codec, one.keys, len(one.items)) == (other.codec, other.keys, len(other.items))
            return shape and all(map(self.is_alike, one.items, other.items))
        return one.digest == other.digest

    def is_complete(self, stored: Stored) -> bool:
        """Whether its bytes are still there."""
        return (stored.blob is None or self._objects.has(stored.blob)) and all(map(self.is_complete, stored.items))

    def _load_model(self, content: bytes) -> Model:
        tree = models.describe(content).code
        if tree == self.code_tree:
            return loading.load(content, None)
        # An earlier model brings the code it was trained with: its transform may have changed since.
        return loading.load(content, materialise(tree, self._objects, self._code_folder))

    def _load_table(self, stored: Stored) -> Table:
        known = self._tables.get(stored.digest)
        if known is None:
            assert stored.blob is not None, "only arguments have no blob, and they are at hand"
            known = self._tables[stored.digest] = tables.decode(self._objects.path(stored.blob))
        return known

    def _load_dataset(self, stored: Stored) -> Dataset:
        """A version that was shipped; its node says which it is."""
        name, _, version = stored.origin[0].partition(":")[2].rpartition("@")
        rows = self._load_table(stored)
        return Dataset(rows.arrow(), name=name, version=int(version), origin=stored.origin)

    def _keep(self, value: Any, where: str, node: str | None) -> Stored:
        """Keep an output, or an argument if `node` is None."""
        if isinstance(value, Table):
            return self._keep_table(value) if node is None else self._keep_rows(value)
        if isinstance(value, Model):
            blob = self._objects.put(models.encode(value, code=self.code_tree))
            return Stored(codec="model", digest=blob, blob=blob, node=lineage.node("model", blob))
        if isinstance(value, np.ndarray):
            return self._bytes("array", _array_bytes(value, where), node)
        if isinstance(value, bytes):
            return self._bytes("bytes", value, node)
        if _is_group(value):
            return self._group(value, lambda item, inside: self._keep(item, inside, node), where)
        try:
            return self._bytes("value", _packer.encode(value), node)
        except (TypeError, OverflowError, msgspec.MsgspecError) as error:
            raise WrongType(
                f"{where}: a {type(value).__module__}.{type(value).__qualname__} cannot be kept ({error}). Steps take and "
                f"return Table, Dataset, Model, numpy arrays, bytes and plain data. Annotate a data frame as Table."
            ) from error

    def _keep_table(self, table: Table) -> Stored:
        node = lineage.node("table", table.digest)
        if isinstance(table, Dataset):
            identity = digest_of(["dataset", table.name, table.version, table.digest])
            return Stored(codec="dataset", digest=identity, node=node, origin=table.origin, columns=_roots(table))
        if table.origin:
            return Stored(codec="table", digest=table.digest, node=node, origin=table.origin, columns=_roots(table))
        return self._keep_rows(table)

    def _keep_rows(self, table: Table) -> Stored:
        rows = Table(table.arrow())  # an output is what the step made of its inputs, whatever it calls itself
        self._tables[table.digest] = rows
        blob = self._objects.put(tables.encode(rows))
        node = lineage.node("table", table.digest)
        return Stored(codec="table", digest=table.digest, blob=blob, node=node, columns=_roots(table))

    def _bytes(self, codec: str, content: bytes, node: str | None) -> Stored:
        node = node or ""
        digest = _digest(codec, content)
        if codec == "value" and len(content) <= _INLINE:
            return Stored(codec=codec, digest=digest, inline=content, node=node)
        return Stored(codec=codec, digest=digest, blob=self._objects.put(content), node=node)

    def _group(self, value: Any, keep: Callable[[Any, str], Stored], where: str) -> Stored:
        kind = type(value).__name__
        keys = tuple(value) if kind == "dict" else tuple(map(str, range(len(value))))
        if not all(isinstance(key, str) for key in keys):
            raise WrongType(f"{where}: a dict of tables, models or arrays needs text as keys, got {keys!r}.")
        parts = value.values() if kind == "dict" else value
        items = tuple(keep(item, f"{where}[{key!r}]") for key, item in zip(keys, parts, strict=True))
        identity = digest_of([kind, keys if kind == "dict" else (), [item.digest for item in items]])
        return Stored(codec=kind, digest=identity, keys=keys if kind == "dict" else (), items=items)


def _roots(table: Table) -> dict[str, str]:
    return {name: short(root) for name, root in table.parts.column_roots().items()}


def _digest(codec: str, content: bytes) -> Digest:
    return digest_bytes(codec.encode() + b"\0" + content)


def _array_bytes(array: np.ndarray[Any, Any], where: str) -> bytes:
    if array.dtype.hasobject:
        raise WrongType(f"{where}: an array of dtype {array.dtype} holds Python objects. Give numbers, or a list.")
    sink = io.BytesIO()
    np.save(sink, np.asarray(array, order="C"), allow_pickle=False)
    return sink.getvalue()


def _is_group(value: Any) -> bool:
    """Lists, tuples and dicts with something in them that has bytes of its own; and tuples, which plain data turns into lists."""
    if type(value) is dict:
        return any(isinstance(item, RICH) or _is_group(item) for item in value.values())
    if type(value) is tuple:
        return True
    return type(value) is list and any(isinstance(item, RICH) or _is_group(item) for item in value)


def _regrouped(stored: Stored, items: list[Any]) -> Any:
    if stored.codec == "dict":
        return dict(zip(stored.keys, items, strict=True))
    return tuple(items) if stored.codec == "tuple" else items
