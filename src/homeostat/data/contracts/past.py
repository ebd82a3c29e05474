"""What a dataset held before, from what is kept of its segments without reading them again.

A column of a segment never changes, so its range, its profile and the set of its keys are worked out once and kept by its digest.
Four neighbours are kept together once, four such fours again: a version of n segments is at most 3 log4 n of them, and an
append changes the last ones only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.core.digests import Digest, digest_of
from homeostat.data.contracts.derived import Derived, Kept
from homeostat.data.contracts.keys import Hashes, KeySet, key_set
from homeostat.data.contracts.profile import ColumnProfile, Profile, Span, merge_columns, merge_spans, profile, span
from homeostat.data.contracts.row_checks import key_hashes

_FAN = 4
_FORM = (2, pl.__version__)  # of what is kept; hashes of values are those of one version of polars

Read = Callable[[Sequence[str]], pa.Table]
T = TypeVar("T")


class Stretch(NamedTuple):
    """Rows that never change: their columns by the digest of what they hold, and how to read some of them."""

    rows: int
    columns: Mapping[str, Digest]
    read: Read


class _Kind(NamedTuple, Generic[T]):
    """Something to know of some columns of rows: found from the rows, merged of parts, written and read again."""

    name: str
    of: Callable[[pl.DataFrame], T]
    merged: Callable[[Sequence[T]], T]
    write: Callable[[T], bytes]
    read: Callable[[Kept], T]


class History:
    """A `Past` made of stretches.

    `stretches` gives those of a version by number or tag, of the newest one for an empty label.
    """

    def __init__(
        self, derived: Derived, stretches: Callable[[str], Sequence[Stretch]], rows_before: int | None = None
    ) -> None:
        self._derived = derived
        self._stretches = stretches
        self.rows_before = rows_before

    def profile(self, columns: Sequence[str], version: str = "") -> Profile:
        """See `Past`. Cost: reads columns of stretches that were never profiled."""
        stretches = self._stretches(version)
        found = {}
        for name in columns:
            parts = self._parts(_PROFILE, stretches, (name,))
            if parts:
                found[name] = merge_columns(parts)
        return Profile(rows=sum(one.rows for one in stretches), columns=found)

    def newest(self, column: str) -> float | None:
        """See `Past`. Cost: reads the column of stretches of which nobody asked before."""
        return merge_spans(self._parts(_SPAN, self._stretches(""), (column,))).high

    def seen(self, keys: pl.DataFrame) -> NDArray[np.bool_]:
        """See `Past`. Two different keys are taken for equal with a probability of rows × rows before / 2**64.

        Cost: for stretches whose numbers or times lie apart from those of the keys, none. For others see `KeySet`.
        """
        columns = tuple(keys.columns)
        spans = {name: span(keys[name]) for name in columns if _is_exact(keys[name].dtype)}
        near = [group for group in _groups(self._stretches(""), columns) if not self._is_apart(group, spans)]
        if not near:
            return np.zeros(len(keys), dtype=np.bool_)
        wanted, places = np.unique(key_hashes(keys), return_inverse=True)
        is_seen = np.zeros(len(wanted), dtype=np.bool_)
        for group in near:
            is_seen |= KeySet(self._kept(_KEYS, group, columns)).has(wanted)
        return is_seen[places]

    def _is_apart(self, group: Sequence[Stretch], spans: Mapping[str, Span]) -> bool:
        """Whether no row of these stretches can agree with one that lies in these spans."""
        return any(known.is_apart(_SPAN.read(self._kept(_SPAN, group, (name,)))) for name, known in spans.items())

    def _parts(self, kind: _Kind[T], stretches: Sequence[Stretch], columns: tuple[str, ...]) -> list[T]:
        return [kind.read(self._kept(kind, group, columns)) for group in _groups(stretches, columns)]

    def _kept(self, kind: _Kind[T], group: Sequence[Stretch], columns: tuple[str, ...]) -> Kept:
        def make() -> bytes:
            return kind.write(kind.merged(list(self._known(kind, group, columns))))

        return self._derived.get(_key(kind.name, group, columns), make)

    def _known(self, kind: _Kind[T], group: Sequence[Stretch], columns: tuple[str, ...]) -> Iterator[T]:
        """Parts of a group as they are kept; from the rows where they are not."""
        if len(group) == 1:
            yield kind.of(pl.DataFrame(group[0].read(columns)).select(columns))
            return
        size = len(group) // _FAN
        for part in (group[at : at + size] for at in range(0, len(group), size)):
            if self._derived.has(_key(kind.name, part, columns)):
                yield kind.read(self._kept(kind, part, columns))
            else:
                yield from self._known(kind, part, columns)


def _groups(stretches: Sequence[Stretch], columns: tuple[str, ...]) -> list[Sequence[Stretch]]:
    """The fewest groups of 1, 4, 16 ... neighbours that hold all stretches with these columns and any rows."""
    held = [one for one in stretches if one.rows and all(name in one.columns for name in columns)]
    size = 1
    while size * _FAN <= len(held):
        size *= _FAN
    groups: list[Sequence[Stretch]] = []
    while held:
        while len(held) < size:
            size //= _FAN
        groups.append(held[:size])
        held = held[size:]
    return groups


def _key(kind: str, group: Sequence[Stretch], columns: tuple[str, ...]) -> Digest:
    return digest_of((kind, *_FORM, columns, [[one.columns[name] for name in columns] for one in group]))


def _is_exact(kind: pl.DataType) -> bool:
    """Whether values that differ as numbers or times surely differ: of floats, NaN is no number and yet a key."""
    return kind.is_integer() or kind.is_decimal() or kind in (pl.Datetime, pl.Date)


def _merged_hashes(parts: Sequence[Hashes]) -> Hashes:
    return np.sort(np.concatenate(parts))


def _packed(kind: type[T]) -> Callable[[Kept], T]:
    return lambda kept: msgspec.msgpack.decode(kept.read(), type=kind)


_SPAN = _Kind("span", lambda rows: span(rows.to_series()), merge_spans, msgspec.msgpack.encode, _packed(Span))
_PROFILE = _Kind(
    "profile",
    lambda rows: profile(rows).columns[rows.columns[0]],
    merge_columns,
    msgspec.msgpack.encode,
    _packed(ColumnProfile),
)
_KEYS = _Kind("keys", key_hashes, _merged_hashes, key_set, lambda kept: KeySet(kept).hashes())
