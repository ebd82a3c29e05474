"""Which raw columns a model needs, and how rows that arrive as JSON become a frame with exactly these columns.

`check` is on the hot path of the gateway: plain Python over lists, one pass a column, no dataframe. `frame` makes the
dataframe in the worker.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
import polars as pl

from homeostat.core.clock import parse_iso
from homeostat.core.errors import MissingColumn, UserError, WrongType

Type = Literal["float", "int", "string", "bool", "timestamp", "json", "row"]
Value = Any  # float, int, str, bool or None; for `json` and `row` whatever JSON can say

_EXAMPLE_ROWS = 16  # enough for a transform to show what it reads, few enough to run it once a column
_MISSING = type("Missing", (), {"__repr__": lambda _: "missing"})()
_ACCEPTED: dict[Type, frozenset[type]] = {
    "float": frozenset({float, int, type(None)}),
    "int": frozenset({int, type(None)}),
    "string": frozenset({str, type(None)}),
    "bool": frozenset({bool, type(None)}),
    "timestamp": frozenset({str, int, type(None)}),
    "json": frozenset({list, dict, str, int, float, bool, type(None)}),
    "row": frozenset({dict}),
}
_NEEDED: dict[Type, str] = {
    "float": "a number",
    "int": "a whole number of at most 64 bits",
    "string": "a text",
    "bool": "true or false",
    "timestamp": "an ISO 8601 text such as 2013-04-12T06:00:00Z, or microseconds since 1970 UTC",
    "json": "a list, an object or a plain value",
    "row": "an object of fields",
}


class HasArrow(Protocol):
    def arrow(self) -> Any: ...


Tabular = pl.DataFrame | HasArrow | Any  # Any: pyarrow.Table ships no types


class Column(msgspec.Struct, frozen=True):
    """One raw input column.

    Attributes:
        name: as in the data.
        type: what a value of it is. `json` is any JSON value; `row` the whole row, whatever its fields: of a model that does not say
            what it needs. Only models that run in an environment of their own have these two.
        zone: time zone of a timestamp column that has one; the frame's column then has it too.
        is_required: whether a row must have it; if not, null stands for what is left out.
    """

    name: str
    type: Type
    zone: str = ""
    is_required: bool = True


class Signature(msgspec.Struct, frozen=True, dict=True):
    """The raw columns a model needs, in order. Extra columns are ignored; null is always allowed."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, rows: Tabular) -> "Signature":
        """The signature of all columns of `rows`.

        Raises: WrongType if a column holds something that is no model input, such as a list.
        """
        return cls(tuple(_column(name, dtype) for name, dtype in as_frame(rows).schema.items()))

    @classmethod
    def needed(cls, rows: Tabular, transform: Callable[[pl.DataFrame], Any]) -> "Signature":
        """The columns of `rows` that `transform` cannot do without.

        Found by leaving out one column after the other: it is needed if the transform then fails or gives other
        features. So a training table may carry the label and what is known only later; serving never asks for it.

        Raises: WrongType if a needed column is no model input; whatever `transform` raises on the whole rows.
        Cost: one call of `transform` on 16 rows for each column.
        """
        example = as_frame(rows).head(_EXAMPLE_ROWS)
        whole = _comparable(transform(example))
        names = [name for name in example.columns if _misses(transform, example.drop(name), whole)]
        return cls.of(example.select(names))

    @cached_property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @cached_property
    def dtypes(self) -> list[pl.DataType]:
        """The column types of the frames that a model is given."""
        return [_dtype(column) for column in self.columns]

    def check(self, rows: Sequence[Mapping[str, Any]]) -> list[list[Value]]:
        """Take exactly the columns of the signature out of decoded JSON rows.

        Args:
            rows: one mapping a row. A whole number will do for a float; extra keys are ignored.

        Returns: one list a column, in the order of the signature; floats are floats, timestamps are microseconds.
        Raises: MissingColumn naming column and row. WrongType naming column, row, value and what is needed.
        Cost: about 2 µs a column of 16 rows; 10 µs for a timestamp.
        """
        taken: list[list[Value]] = []
        for column in self.columns:
            name, absent = column.name, _MISSING if column.is_required else None
            values = [dict(row) for row in rows] if column.type == "row" else [row.get(name, absent) for row in rows]
            kinds = set(map(type, values))
            if not kinds <= _ACCEPTED[column.type]:
                raise _refusal(column, values)
            if (column.type == "float" and int in kinds) or (column.type == "timestamp" and str in kinds):
                values = _converted(column, values)
            taken.append(values)
        return taken

    def frame(self, columns: Sequence[Sequence[Value]]) -> pl.DataFrame:
        """The frame of columns that `check` has taken.

        Raises: WrongType if a number needs more than 64 bits.
        """
        series = []
        for column, dtype, values in zip(self.columns, self.dtypes, columns, strict=True):
            try:
                series.append(pl.Series(column.name, values, dtype=dtype))
            except (OverflowError, TypeError) as error:
                raise WrongType(f"Column {column.name!r} needs {_NEEDED[column.type]}: {error}.") from error
        return pl.DataFrame(series)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The columns of the signature out of `frame`, each in the type that serving gives it.

        Raises: MissingColumn naming those that are not there. WrongType if a column cannot be cast.
        """
        if frame.columns == self.names and frame.dtypes == self.dtypes:
            return frame
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise MissingColumn(
                f"The model needs column {', '.join(map(repr, missing))}; the rows have {', '.join(frame.columns)}. "
                f"Add it to the rows, or train the model without it."
            )
        try:
            return frame.select(pl.col(name).cast(dtype) for name, dtype in zip(self.names, self.dtypes, strict=True))
        except pl.exceptions.PolarsError as error:
            raise WrongType(f"The rows do not have the types that the model was trained with: {error}.") from error


def as_frame(rows: Tabular) -> pl.DataFrame:
    """A polars frame of a frame of polars or pandas, a pyarrow.Table, anything that gives one by `.arrow()`, an array or tensor
    (rows,) or (rows, columns) whose columns are called 0, 1, 2 and so on, a dict of columns, or a list of dicts.

    Raises: WrongType for anything else.
    """
    if isinstance(rows, pl.DataFrame):
        return rows
    if hasattr(rows, "detach"):
        rows = rows.detach().cpu().numpy()
    try:
        if isinstance(rows, np.ndarray):
            return pl.DataFrame(rows, schema=[str(index) for index in range(rows.shape[1] if rows.ndim == 2 else 1)])
        if hasattr(rows, "iloc"):
            return pl.from_pandas(rows)
        if isinstance(rows, Mapping) or (isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)):
            return pl.DataFrame(rows)
        frame = pl.from_arrow(rows.arrow() if hasattr(rows, "arrow") else rows)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise WrongType(f"A {type(rows).__name__} is no table of rows: {error}") from error
    assert isinstance(frame, pl.DataFrame)
    return frame


def _column(name: str, dtype: pl.DataType) -> Column:
    if dtype.is_float() or dtype.is_decimal():
        return Column(name, "float")
    if dtype.is_integer():
        return Column(name, "int")
    if dtype == pl.Boolean:
        return Column(name, "bool")
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return Column(name, "string")
    if isinstance(dtype, pl.Datetime):
        return Column(name, "timestamp", dtype.time_zone or "")
    if dtype == pl.Date:
        return Column(name, "timestamp")
    raise WrongType(
        f"Column {name!r} is of type {dtype}, which is no input of a model: cast it to a number, text, boolean or time first."
    )


def _dtype(column: Column) -> pl.DataType:
    if column.type == "timestamp":
        return pl.Datetime("us", column.zone or None)
    return _DTYPES[column.type]


_DTYPES: dict[Type, pl.DataType] = {
    "float": pl.Float64(),
    "int": pl.Int64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "json": pl.Object(),
    "row": pl.Object(),
}


def _converted(column: Column, values: list[Any]) -> list[Value]:
    convert: Callable[[Any], Value] = float if column.type == "float" else _micros
    done: list[Value] = []
    for row, value in enumerate(values):
        try:
            done.append(None if value is None else convert(value))
        except (UserError, OverflowError):
            raise _wrong(column, row, value) from None
    return done


def _micros(value: str | int) -> int:
    return parse_iso(value) if isinstance(value, str) else value


def _refusal(column: Column, values: list[Any]) -> MissingColumn | WrongType:
    """The error for the first row of `values` that does not fit."""
    row = next(row for row, value in enumerate(values) if type(value) not in _ACCEPTED[column.type])
    if values[row] is _MISSING:
        return MissingColumn(
            f"Row {row} has no {column.name!r}; the model needs {_NEEDED[column.type]}. Send null if it is not known."
        )
    return _wrong(column, row, values[row])


def _wrong(column: Column, row: int, value: Any) -> WrongType:
    return WrongType(
        f"Column {column.name!r} of row {row} is {value!r:.80}, but the model needs {_NEEDED[column.type]}."
    )


def _misses(transform: Callable[[pl.DataFrame], Any], rows: pl.DataFrame, whole: Any) -> bool:
    try:
        return not _comparable(transform(rows)).equals(whole)
    except Exception:  # noqa: BLE001 - whatever the user's function raises without the column, it shows the need
        return True


def _comparable(features: Any) -> Any:
    """Something with `equals` that takes NaN for NaN."""
    return pl.DataFrame(features) if isinstance(features, np.ndarray) else features
