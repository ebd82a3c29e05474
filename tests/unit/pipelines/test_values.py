"""Values of steps come back as they were, under one identity; handles stand for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.codec.tables import Dataset, Table
from homeostat.core.digests import Digest
from homeostat.core.errors import WrongType
from homeostat.pipelines.handle import Handle, replace_handles, value_of
from homeostat.pipelines.records import Stored
from homeostat.pipelines.values import Values
from homeostat.store.objects import FileObjects

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.fixture
def values(tmp_path: Path) -> Values:
    return Values(FileObjects(tmp_path / "objects"), Digest("0" * 64), tmp_path / "code")


@given(value=_PLAIN)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_plain_data_comes_back_equal(value: Any, values: Values) -> None:
    """Reading what was kept gives the value, tuples as tuples; keeping it again gives the same identity."""
    stored = values.output(value, "here", "")

    assert value == values.load(stored)
    assert stored.digest == values.output(values.load(stored), "here", "").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ([1, 2], (1, 2)),
        ([[1], 2], [1, [2]]),
        ({"a": np.zeros(1)}, {"b": np.zeros(1)}),
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (np.zeros((2, 1)), np.zeros((1, 2))),
        (b"a", "a"),
    ],
)
def test_different_values_have_different_identities(one: Any, other: Any, values: Values) -> None:
    """Type and structure count, not only what is printed."""
    assert values.output(one, "here", "").digest != values.output(other, "here", "").digest


def test_order_of_keys_does_not_matter(values: Values) -> None:
    """Plain dicts are data: equal ones are one."""
    first, second = values.output({"a": 1, "b": 2}, "here", ""), values.output({"b": 2, "a": 1}, "here", "")

    assert first.digest == second.digest


def test_tables_and_arrays_inside_containers_come_back(values: Values) -> None:
    """Lists and dicts may hold tables and arrays."""
    stored = values.output({"rows": Table.of({"x": [1]}), "parts": [np.arange(3)]}, "here", "")
    back = values.load(stored)

    assert Table.of({"x": [1]}) == back["rows"]
    assert [0, 1, 2] == back["parts"][0].tolist()


def test_fortran_order_does_not_matter(values: Values) -> None:
    """Two equal arrays are one, however they lie in memory."""
    array = np.arange(6).reshape(2, 3)

    assert values.output(array, "here", "").digest == values.output(np.asfortranarray(array), "here", "").digest


def test_version_of_a_dataset_counts_only_where_it_is_asked_for(values: Values) -> None:
    """A step that takes a Table cannot see the version, so equal rows are equal; one that takes a Dataset can."""
    rows = Table.of({"x": [1]}).arrow()
    third, fourth = (Dataset(rows, name="d", version=number, origin=(f"dataset:d@{number}",)) for number in (3, 4))

    assert values.argument(third, Table, "here").digest == values.argument(fourth, Table, "here").digest
    assert values.argument(third, Dataset, "here").digest != values.argument(fourth, Dataset, "here").digest


def test_output_that_is_an_input_is_written(values: Values) -> None:
    """A step may return its rows as they came; its output can be read all the same."""
    given_rows = Table(Table.of({"x": [1]}).arrow(), origin=("dataset:d@3",))
    stored = values.output(given_rows, "here", "")

    assert (True, ()) == (stored.blob is not None, stored.origin)


def test_objects_in_an_array_are_refused(values: Values) -> None:
    """Arrays of Python objects have no bytes of their own."""
    with pytest.raises(WrongType, match="dtype object"):
        values.output(np.array([{}]), "here", "")


def handle(value: Any) -> Any:
    return Handle(Stored(codec="value", digest=Digest("0" * 64)), lambda _: value)


def test_handle_is_used_like_its_value() -> None:
    """Arithmetic, comparison, iteration, items, attributes and calls reach the value, from both sides."""
    three, rows = handle(3), handle([1, 2])

    assert (5, 1, 6, 1.5, 9, -3, 3.0, "3") == (
        three + 2,
        4 - three,
        2 * three,
        three / 2,
        three**2,
        -three,
        float(three),
        str(three),
    )
    assert (True, True, False, True) == (three == 3, three > handle(2), bool(handle([])), 2 in rows)
    assert (2, [1, 2], 2, 1) == (len(rows), list(rows), rows[1], rows.count(2))
    assert 3.0 == np.asarray(three) * 1.0


def test_handle_is_read_once() -> None:
    """However often it is used, its bytes are read the first time only."""
    reads: list[Stored] = []

    def load(stored: Stored) -> int:
        reads.append(stored)
        return 3

    lazy: Any = Handle(Stored(codec="value", digest=Digest("0" * 64)), load)

    assert (6, 1) == (lazy + lazy, len(reads))


def test_handles_are_found_inside_containers() -> None:
    """Lists, tuples and dicts of handles become those of values."""
    assert [1, (2, {"a": 3})] == replace_handles([handle(1), (2, {"a": handle(3)})], value_of)
