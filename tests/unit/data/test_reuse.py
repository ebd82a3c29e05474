"""What a new version writes, and what it takes over from the one before."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.codec.table_digest import digest_table
from homeostat.codec.tables import Table
from homeostat.data.cuts import sizes
from homeostat.data.records import Segment
from homeostat.data.reuse import lay
from homeostat.data.segments import Kept, Segments
from homeostat.store.objects import FileObjects

ROWS = 60_000
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture
def segments(objects: FileObjects) -> Segments:
    return Segments(objects)


def flights(rows: int, seed: int = 0) -> pa.Table:
    """Rows of a number that counts, a constant, repeated texts, a noisy number with nulls."""
    random = np.random.default_rng(seed)
    return Table.of(
        pa.table(
            {
                "id": np.arange(rows),
                "year": np.full(rows, 2013),
                "tail": random.choice([f"N{number}" for number in range(500)], rows),
                "delay": pa.array(random.normal(size=rows), mask=random.random(rows) < 0.1),
            }
        )
    ).arrow()


def cut(rows: pa.Table, *at: int) -> Iterator[pa.Table]:
    return (rows.slice(low, high - low) for low, high in pairwise((0, *at, rows.num_rows)))


def laid(segments: Segments, before: list[Kept], *batches: pa.Table) -> list[Kept]:
    return list(lay(segments, [kept.segment for kept in before], batches))


def read(segments: Segments, kept: list[Kept], names: list[str]) -> pa.Table:
    return pa.concat_tables([segments.read(piece.segment, names) for piece in kept])


def written(kept: list[Kept]) -> int:
    return sum(piece.rows_written for piece in kept)


def bytes_added(kept: list[Kept]) -> int:
    return sum(piece.bytes_added for piece in kept)


def with_column(rows: pa.Table, name: str, seed: int) -> pa.Table:
    column = pa.array(np.random.default_rng(seed).normal(size=rows.num_rows))
    if name in rows.column_names:
        return rows.set_column(rows.column_names.index(name), name, column)
    return rows.append_column(name, column)


CHANGES: dict[str, tuple[Change, int]] = {
    "nothing": (lambda old: old, 0),
    "rows at the end": (lambda old: pa.concat_tables([old, flights(600, 1)]), 600),
    "rows in the middle": (
        lambda old: pa.concat_tables([old.slice(0, 30_001), flights(600, 1), old.slice(30_001)]),
        600,
    ),
    "rows at the beginning": (lambda old: pa.concat_tables([flights(600, 1), old]), 600),
    "rows gone from the middle": (lambda old: pa.concat_tables([old.slice(0, 30_001), old.slice(30_601)]), 0),
    "rows gone from the beginning": (lambda old: old.slice(601), 0),
    "rows gone from the end": (lambda old: old.slice(0, ROWS - 601), 0),
    "a column gone": (lambda old: old.drop_columns(["tail"]), 0),
    "columns in another order": (lambda old: old.select(["delay", "tail", "year", "id"]), 0),
    "one cell": (
        lambda old: old.set_column(0, "id", pa.array([-1 if row == 40_000 else row for row in range(ROWS)])),
        1,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_only_what_is_new_is_written(segments: Segments, what: str) -> None:
    """Rows that stayed are taken over wherever they are now."""
    change, new_rows = CHANGES[what]
    old = flights(ROWS)
    first = laid(segments, [], old)
    new = change(old)

    second = laid(segments, first, new)

    assert new.equals(read(segments, second, new.column_names))
    assert new_rows <= written(second) <= 1.1 * new_rows


@pytest.mark.parametrize("name", ["delay", "gate"])
def test_a_changed_or_new_column_is_written_alone(segments: Segments, name: str) -> None:
    """The other columns stay in the objects in which they are."""
    old = flights(ROWS)
    first = laid(segments, [], old)
    new = with_column(old, name, 7)
    alone = bytes_added(laid(segments, [], new.select([name])))

    second = laid(segments, first, with_column(old, name, 8))

    assert bytes_added(second) == pytest.approx(alone, rel=0.05)
    assert {True} == {name in piece.segment.parts[-1].columns for piece in second}


def test_segments_of_many_appends_are_found_again(segments: Segments) -> None:
    """A file with all rows, and some in between, takes over what a hundred appends wrote."""
    old = flights(ROWS)
    appends = [piece for part in cut(old, *range(600, ROWS, 600)) for piece in laid(segments, [], part)]
    new = pa.concat_tables([old.slice(0, 30_300), flights(600, 1), old.slice(30_300)])

    second = laid(segments, appends, new)

    assert new.equals(read(segments, second, new.column_names))
    assert 600 <= written(second) <= 1_200


def test_what_the_store_lost_is_written_again(segments: Segments, objects: FileObjects) -> None:
    """A segment whose object is gone is not taken over."""
    old = flights(ROWS)
    first = laid(segments, [], old)
    lost = first[0].segment
    objects.path(lost.parts[0].object).unlink()

    second = laid(Segments(objects), first, old)

    assert lost.rows == written(second)
    assert first == [
        Kept(piece.segment, one.bytes_added, one.rows_written) for piece, one in zip(second, first, strict=True)
    ]


def test_a_damaged_segment_is_not_compared_with(segments: Segments, objects: FileObjects) -> None:
    """Rows around a difference that cannot be read are written again."""
    old = flights(ROWS)
    first = laid(segments, [], old)
    for piece in first:
        objects.path(piece.segment.parts[0].object).write_bytes(b"bit rot")
    new = pa.concat_tables([flights(600, 1), old])
    elsewhere = Segments(objects)

    second = laid(elsewhere, first, new)

    assert ROWS + 600 == sum(piece.segment.rows for piece in second)


@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_taken_over_the_rows_are_the_new_ones(segments: Segments, data: st.DataObject) -> None:
    """Any edits, over any segments, in any batches: what is read is what came."""
    old = flights(2_000)
    edges = st.lists(st.integers(0, 2_000), max_size=5).map(sorted)
    before = [piece for part in cut(old, *data.draw(edges)) for piece in laid(segments, [], part)]
    new = old
    for at in data.draw(st.lists(st.integers(0, 2_000), max_size=3)):
        gone, come = data.draw(st.integers(0, 900)), data.draw(st.sampled_from([0, 1, 300]))
        new = pa.concat_tables([new.slice(0, at), flights(come, at), new.slice(at + gone)])
    for name in data.draw(st.lists(st.sampled_from(["year", "delay", "gate"]), unique=True)):
        new = with_column(new, name, 3)
    names = data.draw(st.permutations(new.column_names).map(lambda order: order[1:]))
    new = new.select(names).combine_chunks()
    batches = list(cut(new, *[edge for edge in data.draw(edges) if edge < new.num_rows]))

    second = laid(segments, before, *batches)

    found = read(segments, second, names)
    assert digest_table(new) == digest_table(found)
    assert all(
        piece.segment.columns == digest_table(part).column_roots()
        for piece, part in zip(second, _parts(found, second), strict=True)
    )


def _parts(rows: pa.Table, kept: list[Kept]) -> Iterator[pa.Table]:
    at = 0
    for piece in kept:
        yield rows.slice(at, piece.segment.rows)
        at += piece.segment.rows


def test_blocks_have_their_sizes(segments: Segments) -> None:
    """No segment is larger than a block may be, however the rows come; a wide table has shorter ones."""
    kept = laid(segments, [], *cut(flights(200_000), 7, 150_000))

    size = sizes(4)
    assert all(size.least <= piece.segment.rows <= size.most for piece in kept[:-1])
    assert (65_536, 16_384) == (sizes(8).most, sizes(8).least)
    assert (4_096, 1_024) == (sizes(100).most, sizes(100_000).most)


@pytest.mark.parametrize("rows", [{}, {"n": pa.array([], pa.int64())}, {"n": pa.nulls(3)}, {"l": [[1], [], None]}])
def test_small_tables_are_one_segment(segments: Segments, rows: dict[str, object]) -> None:
    """Also a table without rows, or without columns."""
    table = Table.of(rows).arrow()

    kept = laid(segments, [], table)

    assert 1 == len(kept)
    assert table.equals(segments.read(kept[0].segment, table.column_names))


def test_values_of_any_type_are_cut_and_compared(segments: Segments) -> None:
    """Nested values, decimals, zones, NaN, -0.0 and nulls pass through."""
    rows = 20_000
    table = Table.of(
        {
            "price": pa.array([row % 97 for row in range(rows)], pa.decimal128(9, 2)),
            "at": pa.array(range(rows), pa.timestamp("ns", "Europe/Berlin")),
            "tags": [[str(row)] * (row % 3) for row in range(rows)],
            "place": [{"x": row / 7, "y": None if row % 5 else "z"} for row in range(rows)],
            "pair": pa.array([[row, -row] for row in range(rows)], pa.list_(pa.int64(), 2)),
            "real": [(-0.0, 0.0, float("nan"), None)[row % 4] for row in range(rows)],
            "raw": [bytes([row % 251]) for row in range(rows)],
            "is_late": [None if row % 11 == 0 else row % 2 == 0 for row in range(rows)],
            "nothing": pa.nulls(rows),
        }
    ).arrow()
    new = pa.concat_tables([table.slice(0, 9_000), table.slice(9_100)])

    second = laid(segments, laid(segments, [], table), new)

    assert digest_table(new).id == digest_table(read(segments, second, new.column_names)).id
    assert 0 == written(second)


def test_zeros_of_both_signs_are_taken_for_each_other(segments: Segments) -> None:
    """Rows with equal ids are equal: -0.0 over 0.0 writes nothing."""
    old, new = (Table.of({"x": [zero] * 3}).arrow() for zero in (0.0, -0.0))

    second = laid(segments, laid(segments, [], old), new)

    assert 0 == written(second)


def test_an_interrupted_writer_leaves_what_it_wrote(segments: Segments, objects: FileObjects) -> None:
    """Whoever tries again finds the blocks that are there."""
    old = flights(200_000)

    def torn() -> Iterator[pa.Table]:
        yield old.slice(0, 150_000)
        yield old.slice(150_000, 40_000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(lay(segments, (), torn()))
    there = len(list(objects.digests()))

    again = laid(segments, [], old)

    assert there > 0
    assert there == sum(piece.bytes_added == 0 for piece in again)


def test_bounds_are_those_of_the_rows(segments: Segments) -> None:
    """A slice of a segment does not claim instants it does not hold."""
    times = Table.of({"at": pa.array(range(1_000), pa.timestamp("us"))}).arrow()
    first = laid(segments, [], times)

    (left,) = laid(segments, first, times.slice(400))

    assert (400, 999) == (left.segment.bounds["at"].low, left.segment.bounds["at"].high)


def test_keys_tell_rows_from_layout(segments: Segments) -> None:
    """Segments that hold the same rows have the same key, in one object or in two."""
    rows = flights(500)
    (whole,) = laid(segments, [], rows)
    (half,) = laid(segments, [], rows.select(["id", "year"]))
    (over,) = [segments.write(rows, over=half.segment)]

    assert (1, 2) == (len(whole.segment.parts), len(over.segment.parts))
    assert whole.segment.key == over.segment.key != half.segment.key
    assert isinstance(over.segment, Segment)


def test_a_segment_without_changes_between_changed_ones_is_laid_once(segments: Segments) -> None:
    """Where as many rows lie as before, one whose columns all stayed is taken over, not laid again beside itself."""
    old = flights(3_000)
    before = [piece for part in cut(old, 1_000, 2_000) for piece in laid(segments, [], part)]
    years = np.full(3_000, 2013)
    years[[500, 2_500]] = 2014
    new = old.set_column(1, "year", pa.array(years))

    kept = laid(segments, before, new)

    assert 3_000 == sum(piece.segment.rows for piece in kept)
    assert new.equals(read(segments, kept, new.column_names))
    assert before[1].segment in [piece.segment for piece in kept]
