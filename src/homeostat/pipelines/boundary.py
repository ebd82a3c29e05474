"""The boundary of a step: what a type hint accepts, and what it makes of it.

A hint of `Table` takes anything tabular, so that a step may return a polars frame. Numbers of numpy become Python's.
Plain data is checked by msgspec, strictly: `"3"` is no int.
"""

import typing
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any

import msgspec
import numpy as np

from homeostat.codec.models import Model
from homeostat.codec.tables import Dataset, Table
from homeostat.core.errors import WrongType
from homeostat.pipelines.handle import Handle

_CONTAINERS = (list, tuple, dict, Sequence, Mapping)
RICH = (Table, Model, np.ndarray, bytes)  # values with a codec of their own
_SHOWN = 60  # characters of a refused value in a message


def conform(value: Any, hint: Any, where: str) -> Any:
    """`value` as a parameter or result of type `hint`.

    Args:
        where: begins the message: `Step train, parameter rows`.

    Raises: WrongType naming where, the hint and the value.
    """
    if type(value) is Handle:  # checked when it is read
        return value
    if hint is Any or isinstance(hint, typing.TypeVar):
        return _unhinted(plain(value), where)
    if hint in (list, dict, tuple):
        if not isinstance(value, hint):
            raise _wrong(value, hint, where, "")
        return _unhinted(plain(value), where)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return conform(value, parts[0], where)
    if origin in (typing.Union, UnionType):
        return _one_of(value, hint, parts, where)
    wanted = origin or hint
    if isinstance(wanted, type) and issubclass(wanted, RICH):
        return _rich(value, wanted, where)
    if wanted in _CONTAINERS and _holds_rich(parts):
        return _container(value, hint, wanted, parts, where)
    return _data(value, hint, where)


def plain(value: Any) -> Any:
    """`value` with numpy's scalars as Python's, also inside lists, tuples and dicts."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    if type(value) is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    return value


def _unhinted(value: Any, where: str) -> Any:
    """Without a hint only what tells its own type can be read back as what it was."""
    if type(value) is Handle or isinstance(value, (*RICH, bool, int, float, str, NoneType)):
        return value
    if type(value) in (list, tuple):
        return type(value)(_unhinted(item, where) for item in value)
    if type(value) is dict:
        return {key: _unhinted(item, where) for key, item in value.items()}
    raise WrongType(
        f"{where}: a {type(value).__module__}.{type(value).__qualname__} needs a type hint to be kept. Annotate it: a data "
        f"frame as Table, a struct or dataclass as its class."
    )


def spoken(hint: Any) -> str:
    """A hint for people."""
    if hint is None or hint is NoneType:
        return "None"
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _data(value: Any, hint: Any, where: str) -> Any:
    try:
        return msgspec.convert(plain(value), NoneType if hint is None else hint, strict=True)
    except msgspec.ValidationError as error:
        raise _wrong(value, hint, where, f"{error}.") from error
    except TypeError as error:  # a type msgspec does not know
        raise _wrong(
            value, hint, where, "Steps take and return Table, Dataset, Model, numpy arrays, bytes and plain data."
        ) from error


def _rich(value: Any, wanted: type, where: str) -> Any:
    if wanted is Table:
        try:
            # A dataset becomes its rows: a step that does not ask for the version cannot depend on it.
            return Table(value.arrow(), origin=value.origin) if isinstance(value, Dataset) else Table.of(value)
        except WrongType as error:
            raise _wrong(value, wanted, where, error.message) from error
    if not isinstance(value, wanted):
        raise _wrong(value, wanted, where, "")
    return value


def _one_of(value: Any, hint: Any, parts: tuple[Any, ...], where: str) -> Any:
    for part in parts:
        if isinstance(part, type) and type(value) is part:  # 1 stays an int for `float | int`
            return value
    for part in parts:
        try:
            return conform(value, part, where)
        except WrongType:
            continue
    raise _wrong(value, hint, where, "")


def _holds_rich(parts: tuple[Any, ...]) -> bool:
    """Whether items may be more than plain data."""
    return any(
        part is Any
        or (isinstance(part, type) and issubclass(part, RICH))
        or _holds_rich(typing.get_args(part))
        or (isinstance(typing.get_origin(part), type) and issubclass(typing.get_origin(part) or object, RICH))
        for part in parts
    )


def _container(value: Any, hint: Any, wanted: Any, parts: tuple[Any, ...], where: str) -> Any:
    if isinstance(value, dict) and wanted in (dict, Mapping):
        return {key: conform(item, parts[1], f"{where}[{key!r}]") for key, item in value.items()}
    if wanted is tuple and isinstance(value, tuple) and Ellipsis not in parts:
        if len(value) == len(parts):
            return tuple(conform(*pair, f"{where}[{at}]") for at, pair in enumerate(zip(value, parts, strict=True)))
        raise _wrong(value, hint, where, f"{len(parts)} items are needed, there are {len(value)}.")
    if isinstance(value, list | tuple) and wanted is not dict:
        items = (conform(item, parts[0], f"{where}[{at}]") for at, item in enumerate(value))
        return tuple(items) if wanted is tuple else list(items)
    raise _wrong(value, hint, where, "")


def _wrong(value: Any, hint: Any, where: str, detail: str) -> WrongType:
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    return WrongType(f"{where}: expected {spoken(hint)}, got {type(value).__name__} {shown}. {detail}".rstrip())
