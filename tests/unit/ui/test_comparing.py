"""The address of a comparison."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.errors import UserError
from homeostat.ui.comparing import address, asked
from homeostat.ui.contexts import Brush, View

words = st.text(min_size=1, max_size=12)
several = st.lists(words, max_size=4, unique=True).map(tuple)
brushes = st.builds(Brush, axis=words, low=st.floats(-1e9, 1e9), high=st.floats(-1e9, 1e9))
views = st.builds(
    View,
    runs=several,
    metrics=several,
    x=st.sampled_from(["step", "time", "relative"]),
    is_x_log=st.booleans(),
    is_y_log=st.booleans(),
    smooth=st.integers(0, 99).map(lambda share: share / 100),
    span=st.none() | st.tuples(st.integers(-(2**40), 2**40), st.integers(0, 2**40)).map(lambda two: (two[0], sum(two))),
    group=st.just("") | words,
    objective=st.just("") | words,
    goal=st.sampled_from(["", "least", "greatest"]),
    across=st.just("") | words,
    up=st.just("") | words,
    colour=st.just("") | words,
    pick=several,
    brush=st.lists(brushes, max_size=3).map(tuple),
    is_whole=st.booleans(),
    first=st.integers(0, 200),
    left=st.just("") | words,
    right=st.just("") | words,
)


@given(view=views)
def test_an_address_holds_the_whole_view(view: View) -> None:
    """What is written into an address is read back from it, whatever names hold."""
    query = parse_qsl(urlsplit(address(view)).query, keep_blank_values=True)

    assert view == asked(query)


def test_what_is_said_last_holds() -> None:
    """A button's value overrides the hidden field before it, and takes brushes back."""
    view = asked([("all", "1"), ("brush", "param lr:0.1..0.2"), ("all", "0"), ("brush", "none")])

    assert (False, ()) == (view.is_whole, view.brush)


def test_a_range_belongs_to_its_axis() -> None:
    """A range of steps says nothing of time."""
    assert (3, 9) == asked([("span", "step:3..9")]).span
    assert asked([("span", "step:3..9"), ("x", "time")]).span is None
    assert asked([("span", "step:3..9"), ("span", "none")]).span is None


def test_a_range_of_steps_can_be_typed() -> None:
    """Both ends, in either order; one alone says nothing, and neither do they for time; taking back wins."""
    typed = [("from", "9"), ("to", "3")]

    assert (3, 9) == asked(typed).span == asked([("span", "step:1..2"), *typed]).span
    assert asked(typed[:1]).span is None
    assert asked([*typed, ("x", "time")]).span is None
    assert asked([*typed, ("span", "none")]).span is None


def test_a_run_is_compared_once() -> None:
    """Named twice, it is there once; what nobody knows is passed over."""
    assert ("a", "b") == asked([("run", "a"), ("run", "b"), ("run", "a"), ("utm", "x")]).runs


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ([("run", str(number)) for number in range(201)], "200 is the most"),
        ([("x", "epoch")], "There are: step, time, relative"),
        ([("goal", "best")], "There are: least, greatest"),
        ([("smooth", "much")], "is not a number"),
        ([("first", "nan")], "is not a number"),
        ([("span", "step:1")], "is not a number"),
        ([("brush", "lr")], "is not a number"),
    ],
)
def test_a_wrong_address_is_told(query: list[tuple[str, str]], told: str) -> None:
    """The message names the value and what would do."""
    with pytest.raises(UserError, match=told):
        asked(query)
