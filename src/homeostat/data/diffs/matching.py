"""Which rows of one table are rows of another: by key, or as a multiset, in which a row that moved has not changed. Pure.

Values are equal as content ids see them: NaN is NaN, -0.0 is 0.0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.core.errors import BadData, MissingColumn, WrongType
from homeostat.data.catalog.records import Column

_SIDE, _ROW, _AT, _KEY, _WHOLE, _NTH = "__side__", "__row__", "__at__", "__key__", "__whole__", "__nth__"


class Matched(NamedTuple):
    """Row numbers: removed of the old; added of the new; of changed and of kept ones the new row and the old one, pairwise."""

    removed: NDArray[np.int64]
    added: NDArray[np.int64]
    changed: NDArray[np.int64]
    changed_from: NDArray[np.int64]
    kept: NDArray[np.int64]
    kept_from: NDArray[np.int64]


def match(dataset: str, old: pa.Table, new: pa.Table, key: Sequence[str]) -> Matched:
    """Which rows of `new` are rows of `old`; both have the same columns.

    Raises: BadData if two rows of one side have the same key.
    """
    names = old.column_names
    if not names:
        nothing = np.empty(0, np.int64)
        return Matched(np.arange(old.num_rows), np.arange(new.num_rows), nothing, nothing, nothing, nothing)
    both = pl.concat(
        [
            pl.DataFrame(side.select(names)).with_columns(pl.lit(is_new).alias(_SIDE)).with_row_index(_ROW)
            for side, is_new in ((old, False), (new, True))
        ]
    )
    # Equal rows get one number: that of the first of them.
    first = pl.col(_AT).first()
    ids = both.with_row_index(_AT).select(
        _SIDE,
        pl.col(_ROW).cast(pl.Int64),
        first.over(names).alias(_WHOLE),
        first.over(list(key) or names).alias(_KEY),
    )
    ids = ids.with_columns(pl.int_range(pl.len()).over(_SIDE, _KEY).alias(_NTH))
    if key and (ids[_NTH] > 0).any():
        row = both.row(int((ids[_NTH] > 0).arg_max() or 0), named=True)
        raise BadData(
            f"Two rows of {dataset!r} have the key {', '.join(f'{name}={row[name]!r}' for name in key)}. Name columns that "
            f"tell rows apart, or compare without a key."
        )
    left, right = ids.filter(~pl.col(_SIDE)), ids.filter(pl.col(_SIDE))
    on = [_KEY, _NTH]
    pairs = right.join(left, on=on, suffix="old", maintain_order="left")
    is_same = pl.col(_WHOLE) == pl.col(f"{_WHOLE}old")
    kept, changed = pairs.filter(is_same), pairs.filter(~is_same)
    return Matched(
        removed=_numbers(left.join(right, on=on, how="anti", maintain_order="left"), _ROW),
        added=_numbers(right.join(left, on=on, how="anti", maintain_order="left"), _ROW),
        changed=_numbers(changed, _ROW),
        changed_from=_numbers(changed, f"{_ROW}old"),
        kept=_numbers(kept, _ROW),
        kept_from=_numbers(kept, f"{_ROW}old"),
    )


def check_key(dataset: str, old: Sequence[Column], new: Sequence[Column], key: Sequence[str]) -> None:
    """Raises: MissingColumn or WrongType if a key column is not in both in one type."""
    before, after = ({column.name: column.type for column in columns} for columns in (old, new))
    for name in key:
        if name not in before or name not in after:
            raise MissingColumn(
                f"Key column {name!r} is not in both versions of {dataset!r}. There are: {', '.join(after)}."
            )
        if before[name] != after[name]:
            raise WrongType(
                f"Key column {name!r} of {dataset!r} is {before[name]} in one version and {after[name]} in the other: rows "
                f"cannot be matched by it. Name another key, or compare without one."
            )


def _numbers(frame: pl.DataFrame, name: str) -> NDArray[np.int64]:
    return frame[name].to_numpy().astype(np.int64)
