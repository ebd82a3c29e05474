"""The types a table may have, and the one form in which each is held.

The same rows come as dictionaries, views, chunks, or timestamps in seconds, depending on who read them. Before
anything else looks at a table its types are settled, so that equal ids mean equal values in the hands of a step:

- string, string_view, dictionary<string>, categorical -> large_string (spelled `string`); the same for binary
- list, list_view, map -> large_list (a map is a list of `key`, `value` structs)
- date64 -> date32; time of any unit -> time64[ns] (what polars holds)
- timestamp and duration in s, ms -> us; ns stays ns, because dropping digits is not ours to decide
- `Etc/UTC`, `Z`, `+00:00`, `GMT` -> `UTC`; other zones stay: the hour of a day depends on them
- decimal32, decimal64 -> decimal128
- extension types -> their storage; run-end encoding is undone
"""

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from homeostat.core.errors import WrongType

_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Z", "+00:00", "-00:00", "GMT", "Etc/GMT", "Zulu", "Etc/Zulu"})
_types = pa.types
_TIMESTAMP = re.compile(r"timestamp\[(us|ns)(?:, (.+))?\]")
_NAMES = {
    pa.large_string(): "string",
    pa.large_binary(): "binary",
    pa.float16(): "float16",  # Arrow calls them halffloat, float and double
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.date32(): "date",
    pa.time64("ns"): "time",
}
_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
_BY_NAME = {name: kind for kind, name in _NAMES.items()} | {
    str(kind): kind for kind in (*_INTEGERS, pa.bool_(), pa.duration("us"), pa.duration("ns"))
}


def settle(table: pa.Table) -> pa.Table:
    """`table` with every column in its settled type, without metadata; untouched columns are not copied.

    Raises: WrongType naming the column if its type or a value has no settled form, or if two columns share a name.
    """
    _refuse_twins(table.schema.names)
    fields, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        columns.append(_settle_column(field.name, column))
        fields.append(pa.field(field.name, columns[-1].type))
    if not columns:
        return table.replace_schema_metadata(None)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def settled_type(found: pa.DataType) -> pa.DataType:
    """The type in which values of type `found` are held.

    Raises: WrongType if it has none.
    """
    if isinstance(found, pa.BaseExtensionType):
        return settled_type(found.storage_type)
    if _types.is_dictionary(found) or _types.is_run_end_encoded(found):
        return settled_type(found.value_type)
    for is_kind, settled in _RULES:
        if is_kind(found):
            return settled(found)
    raise WrongType(f"Type {found} cannot be held in a table. Convert the column to numbers, text or timestamps first.")


def spelled(settled: pa.DataType) -> str:
    """The name of a settled type, stable across versions of Arrow: part of a table's id."""
    if settled in _NAMES:
        return _NAMES[settled]
    if _types.is_large_list(settled):
        return f"list<{spelled(settled.value_type)}>"
    if _types.is_fixed_size_list(settled):
        return f"array[{settled.list_size}]<{spelled(settled.value_type)}>"
    if _types.is_struct(settled):
        return f"struct<{', '.join(f'{field.name!r}: {spelled(field.type)}' for field in settled)}>"
    if _types.is_timestamp(settled):
        return f"timestamp[{settled.unit}, {settled.tz}]" if settled.tz else f"timestamp[{settled.unit}]"
    return str(settled)


def type_named(name: str) -> pa.DataType | None:
    """The settled type that `spelled` calls so; None if it is nested, a decimal, or unknown."""
    match = _TIMESTAMP.fullmatch(name)
    return pa.timestamp(match[1], match[2]) if match else _BY_NAME.get(name)


def _refuse_twins(names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise WrongType(
            f"More than one column is named {', '.join(map(repr, twins))}. Rename them before making a table."
        )


def _settle_column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        target = settled_type(column.type)
        if isinstance(column.type, pa.BaseExtensionType):
            storage = column.type.storage_type
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=storage)
        if _types.is_dictionary(column.type):
            column = _with_settled_values(column)
        if _types.is_run_end_encoded(column.type):
            column = pc.run_end_decode(column)
        if _types.is_map(column.type):
            column = pa.chunked_array([_map_as_list(chunk) for chunk in column.chunks], type=_list_of_map(column.type))
        return column if column.type == target else column.cast(target)
    except WrongType as error:
        raise WrongType(f"Column {name!r}: {error.message}") from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise WrongType(
            f"Column {name!r} of type {column.type} cannot be held as {settled_type(column.type)}: {error}. "
            f"Convert it before making a table."
        ) from error


def _settled_list(found: pa.DataType) -> pa.DataType:
    return pa.large_list(_item(found.value_type))


def _settled_array(found: pa.DataType) -> pa.DataType:
    return pa.list_(_item(found.value_type), found.list_size)


def _settled_struct(found: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(field.name, settled_type(field.type)) for field in found])


def _item(found: pa.DataType) -> pa.Field:
    # One name for the element: Arrow says `item`, Parquet `element`, and types compare by it.
    return pa.field("item", settled_type(found))


def _with_settled_values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A dictionary of settled values: Arrow cannot decode one of views."""
    values = settled_type(column.type.value_type)
    chunks = [pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(values)) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=pa.dictionary(column.type.index_type, values))


def _list_of_map(found: pa.DataType) -> pa.DataType:
    return pa.list_(pa.struct([pa.field("key", found.key_type), pa.field("value", found.item_type)]))


def _map_as_list(array: pa.Array) -> pa.Array:
    target = _list_of_map(array.type)
    entries = pa.StructArray.from_arrays([array.keys, array.items], fields=list(target.value_type))
    mask = array.is_null() if array.null_count else None
    offsets = array.offsets
    return pa.ListArray.from_arrays(pc.subtract(offsets, offsets[0]), entries, mask=mask).cast(target)


def _settled_timestamp(found: pa.DataType) -> pa.DataType:
    return pa.timestamp("ns" if found.unit == "ns" else "us", "UTC" if found.tz in _UTC_NAMES else found.tz)


def _settled_duration(found: pa.DataType) -> pa.DataType:
    return pa.duration("ns" if found.unit == "ns" else "us")


def _settled_decimal(found: pa.DataType) -> pa.DataType:
    return found if _types.is_decimal256(found) else pa.decimal128(found.precision, found.scale)


def _unchanged(found: pa.DataType) -> pa.DataType:
    return found


_RULES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], pa.DataType]], ...] = (
    (_types.is_string, lambda _: pa.large_string()),
    (_types.is_large_string, _unchanged),
    (_types.is_string_view, lambda _: pa.large_string()),
    (_types.is_binary, lambda _: pa.large_binary()),
    (_types.is_large_binary, _unchanged),
    (_types.is_binary_view, lambda _: pa.large_binary()),
    (_types.is_fixed_size_binary, _unchanged),
    (_types.is_timestamp, _settled_timestamp),
    (_types.is_duration, _settled_duration),
    (_types.is_date, lambda _: pa.date32()),
    (_types.is_time, lambda _: pa.time64("ns")),
    (_types.is_decimal, _settled_decimal),
    (_types.is_map, lambda found: settled_type(_list_of_map(found))),
    (_types.is_struct, _settled_struct),
    (_types.is_fixed_size_list, _settled_array),
    (_types.is_list, _settled_list),
    (_types.is_large_list, _settled_list),
    (_types.is_list_view, _settled_list),
    (_types.is_large_list_view, _settled_list),
    (_types.is_boolean, _unchanged),
    (_types.is_integer, _unchanged),
    (_types.is_floating, _unchanged),
    (_types.is_null, _unchanged),
)
