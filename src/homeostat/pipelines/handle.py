"""Handles: what a step's call gives while a pipeline runs.

A handle knows the identity of a result. Handed to another step it stays that, and nothing is read. Used in plain Python
(`if`, `len`, `for`, an attribute, arithmetic) it becomes the value, read once: so the graph is discovered by
running the pipeline function as it is written.
"""

import operator
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from homeostat.pipelines.records import Stored

_UNREAD = object()
_UNARY: tuple[Callable[[Any], Any], ...] = (len, iter, bool, int, float, str, repr, hash, abs, round, complex)
_SPELLED: tuple[Callable[..., Any], ...] = (
    *(operator.neg, operator.pos, operator.invert, operator.index, operator.getitem, operator.contains),
    *(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge),
)
_REFLECTED: tuple[Callable[[Any, Any], Any], ...] = (
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow),
    *(operator.matmul, operator.and_, operator.or_, operator.xor),
)


class Handle:
    """A result that is read when it is used. Made by a run, never by hand."""

    __slots__ = ("_homeostat_load", "_homeostat_stored", "_homeostat_value")

    def __init__(self, stored: Stored | Callable[[], Stored], load: Callable[[Stored], Any]) -> None:
        """Args: stored: the identity, or who waits for it. load: reads the value."""
        self._homeostat_stored = stored
        self._homeostat_load = load
        self._homeostat_value: Any = _UNREAD

    def __getattr__(self, name: str) -> Any:
        return getattr(value_of(self), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return value_of(self)(*args, **kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return np.asarray(value_of(self), *args, **kwargs)


def stored_of(handle: Handle) -> Stored:
    """The identity, without reading; waits for the step if it has not come to its end.

    Raises: StepFailed if the step failed.
    """
    stored = handle._homeostat_stored  # noqa: SLF001  a handle's own names would hide the value's
    if not isinstance(stored, Stored):
        stored = handle._homeostat_stored = stored()  # noqa: SLF001
    return stored


def value_of(handle: Handle) -> Any:
    """The value, read the first time."""
    if handle._homeostat_value is _UNREAD:  # noqa: SLF001
        handle._homeostat_value = handle._homeostat_load(stored_of(handle))  # noqa: SLF001
    return handle._homeostat_value  # noqa: SLF001


def replace_handles(value: Any, by: Callable[[Handle], Any]) -> Any:
    """`value` with each handle in it replaced, inside lists, tuples, dicts and structs too."""
    if type(value) is Handle:
        return by(value)
    if type(value) in (list, tuple):
        return type(value)(replace_handles(item, by) for item in value)
    if type(value) is dict:
        return {key: replace_handles(item, by) for key, item in value.items()}
    if isinstance(value, msgspec.Struct) and not isinstance(value, Stored):
        return type(value)(**{name: replace_handles(getattr(value, name), by) for name in value.__struct_fields__})
    return value


def holds_handle(value: Any) -> bool:
    """Whether a list, tuple or dict has a handle in it."""
    if type(value) is Handle:
        return True
    if type(value) is dict:
        return any(map(holds_handle, value.values()))
    return type(value) in (list, tuple) and any(map(holds_handle, value))


def _forward(function: Callable[..., Any]) -> Callable[..., Any]:
    def forwarded(self: Handle, *others: Any) -> Any:
        return function(value_of(self), *(replace_handles(other, value_of) for other in others))

    return forwarded


def _reflect(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def reflected(self: Handle, other: Any) -> Any:
        return function(other, value_of(self))

    return reflected


# Python looks these up on the class, so that `__getattr__` never sees them.
_function: Any  # some are types
for _function in (*_UNARY, *_SPELLED, *_REFLECTED):
    setattr(Handle, f"__{_function.__name__.strip('_')}__", _forward(_function))
for _function in _REFLECTED:
    setattr(Handle, f"__r{_function.__name__.strip('_')}__", _reflect(_function))
