"""The canonical hash of an object: what it is, whatever its pickle looks like.

Pickles of equal models differ: sets follow the hash seed, caches hold addresses, strings may be shared or not.
The canonical hash walks the object instead, by the protocol that pickle itself uses. It sees arrays as type, shape and
values, tensors likewise, dictionaries and sets in the order of their members' encodings, and boosters as their native
dump. It drops what says how to compute rather than what: `n_jobs`, verbosity, version stamps, lazily filled flags.

Every encoding is self-delimiting (tag, length, payload), so that different values do not meet by concatenation. A
container is the digest of its members, so sharing a member and holding an equal copy are the same; a reference to
something that is still being walked is its distance up the walk, so cycles end.
"""

import copyreg
import json
import struct
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np
from blake3 import blake3

from homeostat.codec.savers import tensor_values
from homeostat.core.digests import Digest
from homeostat.core.errors import InvalidDeclaration

# Attributes of objects (never keys of data) that change neither what was learned nor what is predicted.
VOLATILE = frozenset(
    {
        "n_jobs",
        "n_threads",
        "nthread",
        "num_threads",
        "verbose",
        "verbosity",
        "device",
        "_sklearn_version",
        "_stop_words_id",  # an address: sklearn's text vectorizers
        "_has_sorted_indices",  # filled when first asked: scipy's sparse arrays
        "_has_canonical_format",
    }
)


class Canonical(NamedTuple):
    """The hash of an object, and the top-level packages whose classes and functions it is made of."""

    digest: Digest
    packages: frozenset[str]


def canonical(value: Any) -> Canonical:
    """What `value` is: a digest that is equal across processes, hash seeds, thread counts and a pickle round trip.

    Raises: InvalidDeclaration if something in it cannot be taken apart (a lock, an open file, a lambda), naming it.
    Cost: one pass over the object; arrays at the speed of BLAKE3, Python objects about 2 µs each.
    """
    walk = _Walk()
    try:
        encoded = walk.encode(value)
    except RecursionError as error:
        raise InvalidDeclaration(
            f"A {type(value).__qualname__} is nested too deeply to be hashed or stored. Keep its nodes in a list or an array."
        ) from error
    return Canonical(Digest(blake3(encoded).hexdigest()), frozenset(walk.packages))


def _leaf(tag: bytes, payload: bytes) -> bytes:
    return tag + len(payload).to_bytes(8, "little") + payload


class _Walk:
    """One walk over one object. Not for reuse: it remembers objects by address while it holds them."""

    def __init__(self) -> None:
        self.packages: set[str] = set()
        self._known: dict[int, bytes] = {}
        self._depth: dict[int, int] = {}
        self._held: list[Any] = []  # an address is a name only while its object lives

    def encode(self, value: Any) -> bytes:
        """The self-delimiting encoding of `value`: a leaf in full, anything else by its digest."""
        kind = type(value)
        if kind is str:
            return _leaf(b"s", value.encode("utf-8", "surrogatepass"))
        if value is None or kind is bool or kind is int:
            return _leaf(b"p", repr(value).encode())
        if kind is float:
            return _leaf(b"f", struct.pack("<d", value))
        if kind is complex:
            return _leaf(b"c", struct.pack("<dd", value.real, value.imag))
        if kind is bytes or kind is bytearray:
            return _leaf(b"b", bytes(value))
        if isinstance(value, type | FunctionType | BuiltinFunctionType) and not _is_bound(value):
            return self._named(b"n", value)
        address = id(value)
        if address in self._known:
            return self._known[address]
        if address in self._depth:
            return _leaf(b"^", str(len(self._depth) - self._depth[address]).encode())
        self._depth[address] = len(self._depth)
        self._held.append(value)
        encoded = b"#" + blake3(self._container(value)).digest()
        del self._depth[address]
        self._known[address] = encoded
        return encoded

    def _container(self, value: Any) -> bytes:
        kind = type(value)
        if kind is list:
            return self._sequence(b"L", value)
        if kind is tuple:
            return self._sequence(b"T", value)
        if kind is dict:
            return self._mapping(value.items())
        if kind is np.ndarray or kind is np.memmap:
            return self._array(value)
        if isinstance(value, set | frozenset):
            return b"S" + self._named(b"n", kind) + _joined(sorted(map(self.encode, value)))
        if isinstance(value, np.generic) and not value.dtype.hasobject:
            return b"G" + self._array(np.asarray(value))
        if isinstance(value, np.dtype):
            return b"Y" + _leaf(b"s", _dtype_name(value).encode())
        tensor = tensor_values(value)
        if tensor is not None:
            dtype, shape, content = tensor
            named = self._named(b"n", kind) + _leaf(b"s", dtype.encode()) + _leaf(b"s", repr(shape).encode())
            return b"R" + named + blake3(content).digest()
        dump = _booster_dump(value)
        if dump is not None:
            return b"B" + self._named(b"n", kind) + self.encode(dump)
        return self._object(value)

    def _sequence(self, tag: bytes, items: Iterable[Any]) -> bytes:
        return tag + _joined([self.encode(item) for item in items])

    def _mapping(self, items: Iterable[tuple[Any, Any]]) -> bytes:
        return b"D" + _joined(sorted(self.encode(key) + self.encode(value) for key, value in items))

    def _array(self, array: np.ndarray[Any, Any]) -> bytes:
        head = b"A" + _leaf(b"s", _dtype_name(array.dtype).encode()) + _leaf(b"s", repr(array.shape).encode())
        if array.dtype.names:
            # Field by field: the padding between fields is whatever memory held.
            return head + self._sequence(b"L", [array[name] for name in array.dtype.names])
        if array.dtype.hasobject:
            return head + self._sequence(b"L", array.ravel().tolist())
        if array.dtype.itemsize == 0:  # a text of no characters
            return head
        return head + blake3(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).digest()

    def _object(self, value: Any) -> bytes:
        try:
            # As pickle does: some packages register how their types are taken apart (numpy's ufuncs).
            registered = copyreg.dispatch_table.get(type(value))
            reduced = registered(value) if registered else value.__reduce_ex__(4)
        except (TypeError, AttributeError) as error:
            raise InvalidDeclaration(
                f"A {type(value).__module__}.{type(value).__qualname__} inside the model cannot be taken apart ({error}), "
                f"so the model can be neither hashed nor stored. Remove it from the estimator before returning the model."
            ) from error
        if isinstance(reduced, str):  # a global by its name, such as a ufunc
            module = str(getattr(value, "__module__", ""))
            return b"N" + self._named(b"n", type(value)) + self.encode(module) + self.encode(reduced)
        made_by, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = [self._named(b"n", type(value)), self.encode(made_by), self._sequence(b"T", arguments)]
        parts.append(self._state(state))
        parts.append(self._sequence(b"L", items or ()))
        parts.append(self._mapping(pairs or ()))
        return b"O" + b"".join(parts)

    def _state(self, state: Any) -> bytes:
        if isinstance(state, dict):
            return _wrapped(self._mapping((key, value) for key, value in state.items() if key not in VOLATILE))
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # __dict__ and __slots__
            return _wrapped(self._state(state[0]) + self._state(state[1]))
        return self.encode(state)

    def _named(self, tag: bytes, value: Any) -> bytes:
        module = value.__module__ or ""
        if isinstance(value, FunctionType) and "<" in value.__qualname__:
            raise InvalidDeclaration(
                f"The function {module}.{value.__qualname__} inside the model has no name by which another process finds it. "
                f"Move it to the top level of a module."
            )
        self.packages.add(module.partition(".")[0])
        return _leaf(tag, f"{module}:{value.__qualname__}".encode())


def _wrapped(content: bytes) -> bytes:
    return b"#" + blake3(content).digest()


def _joined(encodings: list[bytes]) -> bytes:
    return len(encodings).to_bytes(8, "little") + b"".join(encodings)


def _is_bound(value: Any) -> bool:
    """Whether a built-in is a method of an object: then the object counts."""
    owner = getattr(value, "__self__", None)
    return isinstance(value, BuiltinFunctionType) and owner is not None and not isinstance(owner, ModuleType)


def _dtype_name(dtype: np.dtype[Any]) -> str:
    """Names, types and shapes of the fields, without their offsets."""
    if dtype.names:
        fields = [(name, _dtype_name(dtype[name])) for name in dtype.names]
        return f"{fields!r}"
    if dtype.subdtype:
        return f"{dtype.subdtype[0].str}{dtype.subdtype[1]!r}"
    return dtype.str


def _booster_dump(value: Any) -> Any:
    """What a gradient booster of another language has learned, without how many threads it used; None for the rest."""
    package = type(value).__module__.partition(".")[0]
    if package == "xgboost" and hasattr(value, "save_raw"):
        return json.loads(bytes(value.save_raw("json")))["learner"]
    if package == "lightgbm" and hasattr(value, "model_to_string"):
        return value.model_to_string().partition("\nparameters:")[0]
    return None
