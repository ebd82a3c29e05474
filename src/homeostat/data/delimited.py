"""Tables from text with separators: CSV and TSV.

The type of a column is decided by all of its values, never by a sample, so that it does not depend on how the file is cut
into blocks. A value is of the first kind that reads it:

- a whole number of 64 bits without leading zeros;
- a number with point or exponent, `inf` or `nan`;
- `true` or `false`, in any case;
- a date `2013-01-31`;
- a time of day with its date in ISO 8601, `2013-01-31 10:00` or `2013-01-31T10:00:00.5`, with or without zone (`Z`, `+01:00`; held
  in UTC), of nanoseconds if it has more than six decimals;
- text.

A column is of the one kind that holds all its values without loss: whole numbers with points are numbers, dates with times are
times, and all other mixtures are text, whole numbers of 16 digits and more among decimals too. Hence ids with leading zeros,
`+49`, `1,5`, `31.01.2013` and what has spaces around it stay text as it is written. An empty field is missing. In a column of another
kind than text `""`, `NA`, `N/A`, `NULL` and `None` are missing too (in any case); in one of text they are text. A column
without any value is text.
"""

import csv
import enum
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from homeostat.core.errors import BadData
from homeostat.data.ahead import THREADS, ahead

BLOCK_BYTES = 8 << 20  # a row is never longer: it is where a quote that is not closed is noticed
_FAST_BLOCK_BYTES = 1 << 20  # what a core holds in its cache
_PLACES, _PLACE_BYTES = 16, 1 << 16  # of a file that are looked at before it is read
# Arrow imports pandas, where it is installed, to make an array of Python values: 0.3 s. From buffers it does not.
_MISSING = pa.Array.from_buffers(
    pa.large_string(), 5, [None, pa.py_buffer(np.array([0, 0, 2, 5, 9, 13], "<i8")), pa.py_buffer(b"nan/anullnone")]
)
_SAMPLE = 64  # values
_LONG = 10**15  # whole numbers of 16 digits begin here; from 2**53 on a float no longer holds all of them
_ARCHIVES = ("gzip", "zip")
_OTHERS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK": "zip"}


class Kind(enum.Enum):
    """What a column holds, in the order in which a value is tried."""

    INTEGER = enum.auto()
    LONG = enum.auto()  # whole numbers, one of 16 digits among them
    NUMBER = enum.auto()
    BOOLEAN = enum.auto()
    DATE = enum.auto()
    TIME = enum.auto()
    FINE_TIME = enum.auto()
    ZONED_TIME = enum.auto()
    FINE_ZONED_TIME = enum.auto()
    TEXT = enum.auto()


_TYPES = {
    Kind.INTEGER: pa.int64(),
    Kind.LONG: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.timestamp("us"),
    Kind.FINE_TIME: pa.timestamp("ns"),
    Kind.ZONED_TIME: pa.timestamp("us", "UTC"),
    Kind.FINE_ZONED_TIME: pa.timestamp("ns", "UTC"),
    Kind.TEXT: pa.large_string(),
}
# What else a kind holds without loss.
_HOLDS = {
    Kind.LONG: {Kind.INTEGER},
    Kind.NUMBER: {Kind.INTEGER},
    Kind.TIME: {Kind.DATE},
    Kind.FINE_TIME: {Kind.DATE, Kind.TIME},
    Kind.FINE_ZONED_TIME: {Kind.ZONED_TIME},
}

_LEADING_ZERO = "^-?0[0-9xX]"  # Arrow reads 0x as hexadecimal
# Values that Arrow reads as a kind and we do not.
_NOT = {
    Kind.INTEGER: _LEADING_ZERO,
    Kind.LONG: _LEADING_ZERO,
    Kind.NUMBER: rf"{_LEADING_ZERO}|^\+|^-?[0-9]{{16,}}$",
    Kind.BOOLEAN: "^[01]$",
}
Kinds = dict[str, Kind | None]  # of each column; None while it has no value


def read_delimited(path: Path, separator: str, *, block_bytes: int = BLOCK_BYTES) -> pa.Table:
    """The rows of a file with a header line, in the types that the module's rule gives.

    Raises: BadData naming file, row and what to do: no header, a column named twice, a row with more or fewer fields, a row longer
        than a block, text that is not UTF-8.
    Cost: the file is read once; twice if a later block changes the kind of a column.
    """
    names, has_rows = _head(path, separator)
    kinds: Kinds = dict.fromkeys(names)
    parts: list[pa.Table] = []
    has_changed = False
    for block in _blocks(path, separator, names, block_bytes) if has_rows else ():
        taken = {name: _taken(kinds[name], block.column(name)) for name in names}
        wider = {name: kind for name, (kind, _) in taken.items()}
        has_changed |= bool(parts) and wider != kinds
        kinds = wider
        if not has_changed:
            parts.append(pa.Table.from_arrays([column for _, column in taken.values()], schema=_schema(kinds)))
    if not has_changed:
        return pa.concat_tables(parts) if parts else _schema(kinds).empty_table()
    del parts
    schema, blocks = _read_as(path, separator, kinds, block_bytes)
    return pa.Table.from_batches(list(blocks), schema=schema)


def delimited_batches(
    path: Path, separator: str, *, block_bytes: int = BLOCK_BYTES
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """As `read_delimited`, for files larger than memory: types, and the rows of a block at a time.

    Cost: the file is read twice, first for the types.
    """
    names, has_rows = _head(path, separator)
    kinds: Kinds = dict.fromkeys(names)
    if not has_rows:
        return _schema(kinds), iter(())
    for block in _blocks(path, separator, names, block_bytes):
        kinds = _wider(kinds, block)
    return _read_as(path, separator, kinds, block_bytes)


class OtherTypes(Exception):
    """Lines hold values that give the columns other types than those in which they are being read."""


def guessed_batches(
    path: Path, separator: str, *, block_bytes: int = _FAST_BLOCK_BYTES
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """As `delimited_batches`, in the types of the first block if these prove to be those of all, which each value is asked for.

    Raises: BadData as `delimited_batches`. OtherTypes from the iterator if a later block needs another type, or a line is wrong:
        `delimited_batches` then reads the file, or says what is wrong.
    Cost: the file is read once, on all cores; twice if a look at some places tells that types change.
    """
    names, has_rows = _head(path, separator)
    kinds: Kinds = dict.fromkeys(names)
    if not has_rows:
        return _schema(kinds), iter(())
    try:
        first = next(_blocks(path, separator, names, block_bytes, is_fast=True))
    except (BadData, StopIteration):
        return delimited_batches(path, separator)
    kinds = _wider(kinds, first)
    if any(_wider(kinds, sample) != kinds for sample in _samples(path, separator, names)):
        return delimited_batches(path, separator)
    return _schema(kinds), _typed(_blocks(path, separator, names, block_bytes, is_fast=True), kinds)


def _samples(path: Path, separator: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Lines from some places of a file, as text: a hint, for a place may be within a quoted value of many lines."""
    size_bytes = path.stat().st_size
    reading, parsing, converting = _options(separator, names, BLOCK_BYTES)
    with path.open("rb") as file:
        for place in range(1, _PLACES + 1):
            file.seek(max(0, size_bytes * place // _PLACES - _PLACE_BYTES))
            file.readline(_PLACE_BYTES)
            lines, _, _ = file.read(_PLACE_BYTES).rpartition(b"\n")
            if lines and b'"' not in lines:
                with suppress(pa.ArrowInvalid):
                    yield from arrow_csv.read_csv(pa.BufferReader(lines), reading, parsing, converting).to_batches()


def _typed(blocks: Iterable[pa.RecordBatch], kinds: Kinds) -> Iterator[pa.RecordBatch]:
    """Blocks of text in the types of `kinds`; raises OtherTypes if these do not hold them, or a line is wrong."""
    schema = _schema(kinds)

    def typed(block: pa.RecordBatch) -> pa.RecordBatch:
        taken = [_taken(kind, block.column(name)) for name, kind in kinds.items()]
        if any(_TYPES[kind or Kind.TEXT] != field.type for (kind, _), field in zip(taken, schema, strict=True)):
            raise OtherTypes
        return pa.RecordBatch.from_arrays([column for _, column in taken], schema=schema)

    with ThreadPoolExecutor(THREADS, "types") as pool:
        try:
            for _, batch in ahead(pool, typed, blocks):
                yield batch
        except BadData as error:
            raise OtherTypes from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def delimited_rest(
    path: Path,
    separator: str,
    offset: int,
    schema: pa.Schema,
    texts: AbstractSet[str],
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """The rows of the lines from `offset` on, in the types that reading the whole file would give.

    Args:
        offset: where a line begins.
        schema: types of the rows before it, as read from the same file.
        texts: columns of type text that have a value there, not only words for a missing one.

    Raises: OtherTypes from the iterator if the whole file would be read in other types than `schema`, or a line is wrong.
    """
    kinds: Kinds = {
        field.name: next(kind for kind, type_ in _TYPES.items() if type_ == field.type)
        for field in schema
        if field.name in texts or field.type != _TYPES[Kind.TEXT]
    }
    every = {name: kinds.get(name) for name in schema.names}
    return _typed(_blocks(path, separator, schema.names, block_bytes, offset=offset), every)


def has_value(texts: pa.ChunkedArray) -> bool:
    """Some of these texts is not just a word for a missing value."""
    return any(_without_words(chunk).null_count < len(chunk) for chunk in texts.chunks)


def _read_as(path: Path, separator: str, kinds: Kinds, block_bytes: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The rows as the kinds that were found; nanoseconds that do not reach to a time of another block become text."""
    fine = [name for name, kind in kinds.items() if kind in (Kind.FINE_TIME, Kind.FINE_ZONED_TIME)]
    for block in _blocks(path, separator, list(kinds), block_bytes) if fine else ():
        outside = [name for name in fine if _cast(kinds[name] or Kind.TEXT, block.column(name)) is None]
        kinds = kinds | dict.fromkeys(outside, Kind.TEXT)
    schema = _schema(kinds)

    def typed() -> Iterator[pa.RecordBatch]:
        for block in _blocks(path, separator, list(kinds), block_bytes):
            columns = [_cast(kind or Kind.TEXT, block.column(name)) for name, kind in kinds.items()]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return schema, typed()


def _head(path: Path, separator: str) -> tuple[list[str], bool]:
    """Names of the columns, and whether a line follows.

    Raises: BadData if the file is empty, is not UTF-8 text, or names a column twice.
    """
    with path.open("rb") as file:
        start = file.read(2)
    other = next((name for mark, name in _OTHERS.items() if start == mark), "")
    if other in _ARCHIVES:
        raise BadData(f"{path} cannot be read as {path.suffix}: it is a {other} archive. Unpack it first.")
    if other:
        raise BadData(
            f"{path} cannot be read as {path.suffix}: it is {other}. Convert it: iconv -f {other} -t UTF-8 {path.name}"
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            names = next(csv.reader(text, delimiter=separator), [])
            has_rows = next(text, None) is not None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{path} cannot be read as {path.suffix}: {_conversion(path)}") from error
    if not names:
        raise BadData(
            f"{path} cannot be read as {path.suffix}: its first line is empty. It must hold the names of the columns."
        )
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise BadData(f"{path} names columns twice in its header: {', '.join(map(repr, twins))}. Rename one of them.")
    return names, has_rows


def _blocks(
    path: Path, separator: str, names: Sequence[str], block_bytes: int, offset: int = 0, *, is_fast: bool = False
) -> Iterator[pa.RecordBatch]:
    """The fields as text, a block of the file at a time; a missing one is null, a quoted empty one is not.

    Without an `offset` the first line is the header. If `is_fast` it is read on threads, and a wrong line is not named.
    """
    reading, parsing, converting = _options(separator, names, block_bytes)
    reading.skip_rows_after_names = int(not offset)
    reading.use_threads = is_fast
    file = path.open("rb")
    file.seek(offset)
    try:
        yield from arrow_csv.open_csv(file, reading, parsing, converting)
    except pa.ArrowInvalid as error:
        reason = "" if is_fast else _reason(path, str(error), block_bytes)
        raise BadData(f"{path} cannot be read as {path.suffix}: {reason}") from error
    finally:
        file.close()


def _options(
    separator: str, names: Sequence[str], block_bytes: int
) -> tuple[arrow_csv.ReadOptions, arrow_csv.ParseOptions, arrow_csv.ConvertOptions]:
    """How lines below the header are read as text. On one thread: Arrow says only then in which row an error is."""
    return (
        arrow_csv.ReadOptions(column_names=names, block_size=block_bytes, use_threads=False),
        arrow_csv.ParseOptions(
            delimiter=separator,
            newlines_in_values=True,
            ignore_empty_lines=len(names) > 1,  # with one column an empty line is a missing value
        ),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _reason(path: Path, said: str, block_bytes: int) -> str:
    """What is wrong in `path`, and what to do, from Arrow's words."""
    if "UTF8" in said:
        return _conversion(path)
    if "straddling" in said:
        return f"a row is longer than {block_bytes:,} bytes. Look for a quote that is not closed."
    problem = said.split("\n", 1)[0].removeprefix("CSV parse error: ")
    return f"{problem}. Rows are counted from the header, row 1. Give each as many fields, and quote those with a separator in them."


def _conversion(path: Path) -> str:
    """Which line is not UTF-8, and what to do."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return (
                    f"line {number} is not UTF-8: byte {line[error.start]:#04x} at place {error.start + 1}. If the file is "
                    f"Latin-1, convert it: iconv -f LATIN1 -t UTF-8 {path.name}"
                )
    return "its header line has a quote that is not closed. Close it."


def _wider(kinds: Kinds, block: pa.RecordBatch) -> Kinds:
    """The kinds that hold these values too."""
    return {name: _taken(kind, block.column(name))[0] for name, kind in kinds.items()}


def _taken(known: Kind | None, values: pa.Array) -> tuple[Kind | None, pa.Array]:
    """The kind that holds what was `known` and these values, None while there is none, and the values as that kind."""
    if known is Kind.TEXT or values.null_count == len(values):
        return known, values.cast(_TYPES[known or Kind.TEXT])
    sample = values.drop_null()[:_SAMPLE]  # a cast that fails at each value is slow
    for kind in Kind if known is None else (known, *Kind):
        if _cast(kind, sample) is not None and (found := _cast(kind, values)) is not None:
            if found.null_count == len(found):
                return known, found if known else values  # there are only words for a missing one
            if known in (None, kind) or known in _HOLDS.get(kind, ()):
                return kind, found
            break
    return Kind.TEXT, values


def _cast(kind: Kind, values: pa.Array) -> pa.Array | None:
    """The values as `kind`, or None if one of them is not of that kind, or of one that it holds."""
    if kind is Kind.TEXT:
        return values
    try:
        found = values.cast(_TYPES[kind])
    except pa.ArrowInvalid:
        values = _without_words(values)
        try:
            found = values.cast(_TYPES[kind])
        except pa.ArrowInvalid:
            return None
    if kind is Kind.INTEGER:
        extent = pc.min_max(found)
        if found.null_count < len(found) and max(-extent["min"].as_py(), extent["max"].as_py()) >= _LONG:
            return None
    other = _NOT.get(kind)
    if other and pc.any(pc.match_substring_regex(_doubtful(kind, values, found), other)).as_py():
        return None
    return found


def _doubtful(kind: Kind, values: pa.Array, found: pa.Array) -> pa.Array:
    """Those of the values that `_NOT` may not want: to try a pattern on all takes longer than to read them.

    Args:
        found: the values as `kind`.
    """
    if kind is Kind.BOOLEAN:
        return values
    _, offset_buffer, content = values.buffers()
    if content is None or not content.size:
        return values[:0]
    offsets = np.frombuffer(offset_buffer, "<i8", len(values) + 1, values.offset * 8)
    letters = np.frombuffer(content, np.uint8)
    first, second = (letters[np.minimum(offsets[:-1] + place, len(letters) - 1)] for place in (0, 1))
    is_doubtful = (first == ord("-")) | (first == ord("+")) | (first == ord("0")) & (second != ord("."))
    if kind is Kind.NUMBER:
        numbers = np.frombuffer(found.buffers()[1], "<f8", len(found), found.offset * 8)
        is_doubtful |= ~(np.abs(numbers) < _LONG)
    bits = pa.py_buffer(np.packbits(is_doubtful, bitorder="little"))
    return values.filter(pa.Array.from_buffers(pa.bool_(), len(values), [None, bits]))


def _without_words(values: pa.Array) -> pa.Array:
    """The values without the words for a missing one."""
    return pc.if_else(pc.is_in(pc.ascii_lower(values), _MISSING), pa.nulls(1, values.type)[0], values)


def _schema(kinds: Kinds) -> pa.Schema:
    return pa.schema([(name, _TYPES[kind or Kind.TEXT]) for name, kind in kinds.items()])
