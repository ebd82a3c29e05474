"""The bytes of a value as the code digest counts it: equal values, equal bytes, in every process.

Plain values, containers and arrays are spelled by rule. Instances of project classes are spelled by their state.
Whatever else there is, is spelled by pickle, in which every function, class and module is handed back to the walk.
"""

import dataclasses
import datetime as dt
import decimal
import enum
import io
import logging
import os
import pathlib
import pickle
import re
import threading
import uuid
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from fractions import Fraction
from types import BuiltinFunctionType, FunctionType, GenericAlias, MappingProxyType, MethodType, ModuleType, UnionType
from typing import Any

import numpy as np

Visit = Callable[[Any], str]

_SCALARS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice)
_PLAIN = (
    *(dt.datetime, dt.date, dt.time, dt.timedelta, dt.timezone),
    *(decimal.Decimal, Fraction, uuid.UUID, pathlib.PurePath, np.dtype, GenericAlias, UnionType),
)
_WALKED = (FunctionType, type, ModuleType, BuiltinFunctionType, MethodType)
# Services of the standard library: they coordinate and report, and hold no data that a result depends on. The
# environment is declared instead: `@step(env=[...])`.
_SERVICES = (
    logging.Logger,
    logging.Handler,
    type(os.environ),
    type(threading.Lock()),
    type(threading.RLock()),
    threading.local,
)


class Unspellable(Exception):
    """The value has no bytes that stand for it."""


def spell(value: Any, visit: Visit, is_own: Callable[[Any], bool]) -> bytes:
    """The canonical bytes of `value`.

    Args:
        visit: counts a function, class or module and returns its reference.
        is_own: whether a value is an instance of a project class.

    Raises: Unspellable if pickle cannot take it.
    """
    return _Speller(visit, is_own).spell(value)


class _Speller:
    def __init__(self, visit: Visit, is_own: Callable[[Any], bool]) -> None:
        self._visit = visit
        self._is_own = is_own
        self._open: list[int] = []  # ids of the containers around the value at hand: a cycle is spelled by its distance

    def spell(self, value: Any) -> bytes:
        if isinstance(value, enum.Enum):
            return _framed("enum", [self._visit(type(value)).encode(), value.name.encode()])
        if type(value) in _SCALARS or isinstance(value, _PLAIN):
            return _framed(type(value).__name__, [repr(value).encode()])
        if isinstance(value, _SERVICES):
            return _framed("service", [type(value).__qualname__.encode()])
        if isinstance(value, _WALKED) or hasattr(value, "__wrapped__"):
            return _framed("reference", [self._visit(value).encode()])
        if id(value) in self._open:
            return _framed("cycle", [str(len(self._open) - self._open.index(id(value))).encode()])
        self._open.append(id(value))
        try:
            return self._inside(value)
        finally:
            self._open.pop()

    def _inside(self, value: Any) -> bytes:
        kind = type(value)
        if kind in (tuple, list):
            return _framed(kind.__name__, map(self.spell, value))
        if kind in (set, frozenset):
            return _framed(kind.__name__, sorted(map(self.spell, value)))
        if kind in (dict, MappingProxyType):
            # Order counts: a step may iterate over it.
            return _framed("dict", (self.spell(part) for item in value.items() for part in item))
        if isinstance(value, re.Pattern):
            return _framed("pattern", [repr(value.pattern).encode(), str(value.flags).encode()])
        if kind is np.ndarray and not value.dtype.hasobject:
            content = np.ascontiguousarray(value).tobytes()
            return _framed("array", [str(value.dtype).encode(), str(value.shape).encode(), content])
        if isinstance(value, ContextVar):
            return _framed("contextvar", map(self.spell, _held(value)))
        if self._is_own(value):
            return _framed("instance", [self._visit(kind).encode(), *self._state(value)])
        return _framed("pickle", [self._pickled(value)])

    def _state(self, value: Any) -> Iterable[bytes]:
        if isinstance(value, tuple | list | set | frozenset | dict):  # a subclass, such as a named tuple
            plain = next(base for base in (tuple, list, set, frozenset, dict) if isinstance(value, base))
            yield self.spell(plain(value))
        if isinstance(value, str | bytes | int | float):
            yield repr(value).encode()
        if dataclasses.is_dataclass(value):
            yield self.spell([(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)])
        names = [name for cls in type(value).__mro__ for name in _slots(cls)]
        yield self.spell({name: getattr(value, name) for name in names if hasattr(value, name)})
        yield self.spell(getattr(value, "__dict__", {}))

    def _pickled(self, value: Any) -> bytes:
        sink = io.BytesIO()
        try:
            _Pickler(sink, self, value).dump(value)
        except Exception as error:  # pickling runs code of whatever class it meets
            raise Unspellable(str(error)) from error
        return sink.getvalue()


class _Pickler(pickle.Pickler):
    """Pickles a value of an installed package, with what we spell ourselves in place of what it would write."""

    def __init__(self, sink: io.BytesIO, speller: _Speller, whole: Any) -> None:
        super().__init__(sink, protocol=5)
        self._speller = speller
        self._whole = whole

    def persistent_id(self, value: Any) -> bytes | None:
        if value is self._whole or type(value) in _SCALARS:
            return None
        ours = isinstance(value, (*_WALKED, set, frozenset, np.ndarray, *_SERVICES)) or self._speller._is_own(value)  # noqa: SLF001  (one mechanism in two classes)
        return self._speller.spell(value) if ours else None


def _held(variable: ContextVar[Any]) -> tuple[Any, ...]:
    """What a step would get from the variable: set, its default, or nothing."""
    try:
        return (variable.get(),)
    except LookupError:
        return ()


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__") or cls.__dict__.get("__struct_fields__") or ()
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _framed(kind: str, parts: Iterable[bytes]) -> bytes:
    """Kind and parts with their lengths: two different values never run together into the same bytes."""
    body = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return kind.encode() + b"(" + len(body).to_bytes(8, "big") + body + b")"
