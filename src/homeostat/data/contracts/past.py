"""What a dataset held before, known from its segments without reading them again.

A column of a segment never changes, so its profile and the hashes of its keys are worked out once and kept by its digest.
Four neighbours are merged once, four such fours again: a version of n segments is at most 3 log4 n of them, and an
append changes the last ones only.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.core.digests import Digest, digest_of
from homeostat.data.contracts.derived import Derived
from homeostat.data.contracts.profile import ColumnProfile, Profile, merge_columns, profile
from homeostat.data.contracts.row_checks import key_hashes

_FAN = 4
_FORM = (1, pl.__version__)  # of what is kept; hashes of values are those of one version of polars

Read = Callable[[Sequence[str]], pa.Table]


class Stretch(NamedTuple):
    """Rows that never change: their columns by the digest of what they hold, and how to read some of them."""

    rows: int
    columns: Mapping[str, Digest]
    read: Read


class _Node(NamedTuple):
    """Something kept of a stretch, or of four of them together."""

    key: Digest
    load: Callable[[], bytes | memoryview]


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
            nodes = self._cover("profile", stretches, (name,), _profiled, _merged_profiles)
            if nodes:
                found[name] = merge_columns([_decode(node.load()) for node in nodes])
        return Profile(rows=sum(one.rows for one in stretches), columns=found)

    def seen(self, keys: pl.DataFrame) -> NDArray[np.bool_]:
        """See `Past`. Two different keys are taken for equal with a probability of rows × rows before / 2**64.

        Cost: a binary search in the sorted hashes of all rows before, 8 bytes a row, which are read for it.
        """
        hashes = key_hashes(keys)
        order = np.argsort(hashes)
        wanted = hashes[order]  # ascending, so that the search walks through the kept hashes once
        is_seen = np.zeros(len(wanted), dtype=np.bool_)
        for node in self._cover("keys", self._stretches(""), tuple(keys.columns), _sorted_keys, _merged_keys):
            kept = _hashes(node.load())
            at = np.searchsorted(kept, wanted)
            is_seen |= kept[np.minimum(at, len(kept) - 1)] == wanted
        found = np.empty_like(is_seen)
        found[order] = is_seen
        return found

    def _cover(
        self,
        what: str,
        stretches: Sequence[Stretch],
        columns: tuple[str, ...],
        make: Callable[[Stretch, Sequence[str]], bytes],
        merge: Callable[[Sequence[bytes | memoryview]], bytes],
    ) -> list[_Node]:
        """The fewest nodes that hold all stretches with these columns and any rows."""
        level = [
            self._node(
                (what, *_FORM, columns, one.rows, [one.columns[name] for name in columns]), partial(make, one, columns)
            )
            for one in stretches
            if one.rows and all(name in one.columns for name in columns)
        ]
        cover: list[_Node] = []
        while level:
            whole = len(level) // _FAN * _FAN
            cover += level[whole:]
            groups = [level[at : at + _FAN] for at in range(0, whole, _FAN)]
            level = [self._node([node.key for node in group], partial(_together, group, merge)) for group in groups]
        return cover

    def _node(self, of: object, make: Callable[[], bytes]) -> _Node:
        key = digest_of(of)
        return _Node(key, partial(self._derived.get, key, make))


def _together(group: Sequence[_Node], merge: Callable[[Sequence[bytes | memoryview]], bytes]) -> bytes:
    return merge([node.load() for node in group])


def _profiled(stretch: Stretch, columns: Sequence[str]) -> bytes:
    (name,) = columns
    return msgspec.msgpack.encode(profile(pl.DataFrame(stretch.read(columns))).columns[name])


def _merged_profiles(parts: Sequence[bytes | memoryview]) -> bytes:
    return msgspec.msgpack.encode(merge_columns([_decode(part) for part in parts]))


def _decode(content: bytes | memoryview) -> ColumnProfile:
    return msgspec.msgpack.decode(content, type=ColumnProfile)


def _sorted_keys(stretch: Stretch, columns: Sequence[str]) -> bytes:
    rows = pl.DataFrame(stretch.read(columns)).select(columns)
    return np.sort(key_hashes(rows)).tobytes()


def _merged_keys(parts: Sequence[bytes | memoryview]) -> bytes:
    return np.sort(np.concatenate([_hashes(part) for part in parts])).tobytes()


def _hashes(content: bytes | memoryview) -> NDArray[np.uint64]:
    return np.frombuffer(content, dtype=np.uint64)
