"""The content id of a table: which rows, not how they are written.

The id is BLAKE3 over the spelled schema and one root for each column. A column is cut into leaves of 65,536 rows,
a leaf into blocks of 4,096; the digest of a leaf is that of its blocks' digests, the root of a column that of its
leaves'. Blocks are cut by row number only, so chunks, slices, segments and files leave no trace in the id.

A block is hashed over canonical values: nulls are zeroed under a validity bitmap, -0.0 is 0.0, every NaN is one
NaN, offsets are lengths. Types are settled before (see `table_types`).

An append rehashes at most the last 4,095 old rows; equal column roots mean equal columns.
"""

from collections.abc import Iterator, Sequence
from struct import Struct as Packing

import msgspec
import numpy as np
import pyarrow as pa
from blake3 import blake3
from numpy.typing import NDArray

from homeostat.codec.table_types import spelled
from homeostat.core.digests import Digest, digest_of

BLOCK_ROWS = 4_096
LEAF_BLOCKS = 16
_SCHEMA = "homeostat-table-1"
_HEADER = Packing("<qq")
_types = pa.types


class ColumnDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One column's Merkle tree, down to what an append needs.

    Attributes:
        name: of the column.
        type: spelled settled type.
        leaves: digests of its whole leaves.
        blocks: digests of the blocks after them; the last may be of a block that is not full.
    """

    name: str
    type: str
    leaves: tuple[Digest, ...] = ()
    blocks: tuple[Digest, ...] = ()

    @property
    def root(self) -> Digest:
        return digest_of([_SCHEMA, self.type, self.leaves, self.blocks])


class TableDigest(msgspec.Struct, frozen=True, kw_only=True):
    """A table's id with the parts it is made of."""

    rows: int
    columns: tuple[ColumnDigest, ...]

    @property
    def id(self) -> Digest:
        """The content id of the table."""
        return digest_of([_SCHEMA, self.rows, [(column.name, column.root) for column in self.columns]])

    @property
    def tail_rows(self) -> int:
        """How many of the last rows `extend` must see again."""
        return self.rows % BLOCK_ROWS

    def column_roots(self) -> dict[str, Digest]:
        """Digest of each column's type and values."""
        return {column.name: column.root for column in self.columns}


def digest_table(table: pa.Table) -> TableDigest:
    """The digest of a table whose types are settled.

    Cost: O(values), about as fast as memory for numbers without nulls.
    """
    empty = TableDigest(
        rows=0, columns=tuple(ColumnDigest(name=field.name, type=spelled(field.type)) for field in table.schema)
    )
    return extend(empty, table.slice(0, 0), table)


def extend(previous: TableDigest, tail: pa.Table, new: pa.Table) -> TableDigest:
    """The digest of `previous` with the rows of `new` after it.

    Args:
        previous: digest of the table so far.
        tail: its last `previous.tail_rows` rows.
        new: rows to append, of the same settled schema.

    Raises: ValueError if `tail` does not have as many rows as needed.
    Cost: O(tail + new).
    """
    if tail.num_rows != previous.tail_rows:
        raise ValueError(f"extend needs the last {previous.tail_rows} rows, got {tail.num_rows}")
    rows = pa.concat_tables([tail, new]) if previous.tail_rows else new
    columns = tuple(
        _extend_column(column, values, has_partial_block=previous.tail_rows > 0)
        for column, values in zip(previous.columns, rows.columns, strict=True)
    )
    return TableDigest(rows=previous.rows + new.num_rows, columns=columns)


class Digester:
    """The digest of a table whose rows come in batches."""

    def __init__(self, previous: TableDigest, tail: pa.Table) -> None:
        """Go on from `previous`, a table that ends with the rows of `tail`; see `extend`."""
        self.digest = previous
        self._tail = tail

    @staticmethod
    def of(schema: pa.Schema) -> "Digester":
        """Begin with a table of settled types and no rows."""
        empty = schema.empty_table()
        return Digester(digest_table(empty), empty)

    def add(self, rows: pa.Table) -> None:
        """Rows after those so far, of the same settled schema. Cost: O(rows), and one block of 4,096."""
        self.digest = extend(self.digest, self._tail, rows)
        seen = pa.concat_tables([self._tail, rows])
        self._tail = seen.slice(seen.num_rows - self.digest.tail_rows)


def _extend_column(previous: ColumnDigest, values: pa.ChunkedArray, *, has_partial_block: bool) -> ColumnDigest:
    blocks = list(previous.blocks[:-1] if has_partial_block else previous.blocks)
    blocks.extend(_block_digest(block) for block in _blocks(values))
    leaves = list(previous.leaves)
    full = len(blocks) - len(blocks) % LEAF_BLOCKS
    # A leaf is closed only when its last block is full.
    if full and full == len(blocks) and len(values) % BLOCK_ROWS:
        full -= LEAF_BLOCKS
    leaves.extend(digest_of(blocks[first : first + LEAF_BLOCKS]) for first in range(0, full, LEAF_BLOCKS))
    return ColumnDigest(name=previous.name, type=previous.type, leaves=tuple(leaves), blocks=tuple(blocks[full:]))


def _blocks(values: pa.ChunkedArray) -> Iterator[pa.Array]:
    for first in range(0, len(values), BLOCK_ROWS):
        block = values.slice(first, BLOCK_ROWS)
        yield block.chunk(0) if block.num_chunks == 1 else block.combine_chunks()


def _block_digest(block: pa.Array) -> Digest:
    parts: list[bytes | memoryview] = []
    _collect(block, parts)
    return Digest(_hash(parts))


def _hash(parts: Sequence[bytes | memoryview]) -> str:
    hasher = blake3()
    for part in parts:
        hasher.update(part)
    return hasher.hexdigest()


def _collect(array: pa.Array, parts: list[bytes | memoryview]) -> None:
    """Append the canonical bytes of `array`, nested arrays depth first; every part's length follows from the header."""
    nulls = array.null_count
    parts.append(_HEADER.pack(len(array), nulls))
    if not len(array) or nulls == len(array):
        return
    is_null = array.is_null().to_numpy(zero_copy_only=False) if nulls else None
    if is_null is not None:
        parts.append(np.packbits(is_null).tobytes())
    kind = array.type
    if _types.is_boolean(kind):
        filled = array.fill_null(False) if nulls else array
        parts.append(np.packbits(filled.to_numpy(zero_copy_only=False)).tobytes())
    elif _types.is_large_string(kind) or _types.is_large_binary(kind):
        _collect_texts(array, is_null, parts)
    elif _types.is_large_list(kind):
        parts.append(array.value_lengths().fill_null(0).to_numpy().astype("<i8").tobytes())
        _collect(array.flatten(), parts)
    elif _types.is_fixed_size_list(kind):
        _collect(array.flatten(), parts)
    elif _types.is_struct(kind):
        for child in array.flatten():
            _collect(child, parts)
    else:
        parts.append(_fixed_width(array, is_null))


def _collect_texts(array: pa.Array, is_null: NDArray[np.bool_] | None, parts: list[bytes | memoryview]) -> None:
    _, offset_buffer, content = array.buffers()
    offsets = np.frombuffer(offset_buffer, "<i8", len(array) + 1, array.offset * 8)
    lengths = np.diff(offsets)
    if is_null is not None and lengths[is_null].any():
        # Bytes under a null are not data: rebuild without them.
        filled = array.fill_null("" if _types.is_large_string(array.type) else b"")
        _collect_texts(filled, None, parts)
        return
    parts.append(lengths.tobytes())
    if content is not None:
        parts.append(memoryview(content)[int(offsets[0]) : int(offsets[-1])])


def _fixed_width(array: pa.Array, is_null: NDArray[np.bool_] | None) -> bytes | memoryview:
    width = array.type.bit_width // 8
    raw = memoryview(array.buffers()[1])[array.offset * width : (array.offset + len(array)) * width]
    if _types.is_floating(array.type):
        values = np.frombuffer(raw, f"<f{width}") + np.float16(0)  # -0.0 + 0.0 is 0.0
        if is_null is not None:
            values[is_null] = 0
        is_nan = np.isnan(values)
        if is_nan.any():
            values[is_nan] = np.nan
        return values.tobytes()
    if is_null is None:
        return raw
    cells = np.frombuffer(raw, np.uint8).reshape(len(array), width).copy()
    cells[is_null] = 0
    return cells.tobytes()
