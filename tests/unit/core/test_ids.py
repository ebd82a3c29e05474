import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.clock import Micros
from homeostat.core.errors import InvalidName
from homeostat.core.ids import check_name, new_id

NOON = Micros(1_366_027_200_000_000)
instants = st.integers(0, 2**50 * 1000 - 1)  # 10 characters of 5 bits hold milliseconds until the year 37,648
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True)


@given(instants, instants)
def test_ids_sort_by_time(first: int, second: int) -> None:
    """Of two ids of one kind the earlier sorts first, to the millisecond."""
    earlier, later = sorted([first, second])
    one, two = new_id("run", Micros(earlier)), new_id("run", Micros(later))

    assert earlier // 1000 == later // 1000 or one < two


def test_ids_of_one_instant_differ() -> None:
    """Chance tells apart what happens at the same time: no two of ten thousand are equal."""
    assert 10_000 == len({new_id("run", NOON) for _ in range(10_000)})


@given(instants)
def test_id_names_its_kind_and_is_a_name(at: int) -> None:
    """An id is prefix, dash and twenty characters that are safe in paths and URLs."""
    made = new_id("run", Micros(at))

    assert made == check_name("run", made)
    assert ("run", 20) == (made.partition("-")[0], len(made.partition("-")[2]))


@given(names)
def test_names_people_choose_are_kept(name: str) -> None:
    """A name that fits the rule comes back as it is."""
    assert name == check_name("dataset", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../flights",
        "a/b",
        "a\\b",
        "/etc/passwd",
        ".hidden",
        "-rf",
        "_x",
        "a b",
        "a\n",
        "a\0",
        "é",
        "x" * 129,
    ],
)
def test_no_path_hides_in_a_name(name: str) -> None:
    """What could climb, hide or break a line is refused, naming the kind and the name."""
    with pytest.raises(InvalidName, match="cannot be the name of a dataset") as caught:
        check_name("dataset", name)

    assert repr(name) in caught.value.message


@given(st.text(max_size=10))
def test_only_safe_characters_pass(text: str) -> None:
    """Whatever passes is made of ASCII letters, digits, dot, underscore and dash, and begins with no dot or dash."""
    safe = set(string.ascii_letters + string.digits + "._-")
    try:
        passed = check_name("dataset", text)
    except InvalidName:
        passed = "x"

    assert set(passed) <= safe
    assert passed[0] not in "._-"
