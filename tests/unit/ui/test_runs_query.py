"""The state of the list of runs, and its address."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.errors import UserError
from homeostat.ui.contexts.runs_query import MOST_PINS, RunsQuery, column_id, column_key

words = st.text(min_size=1, max_size=12)
unique = st.lists(words, max_size=4, unique=True).map(tuple)
queries = st.builds(
    RunsQuery,
    text=st.text(max_size=20),
    experiments=st.lists(st.integers(0, 10**6), max_size=3, unique=True).map(tuple),
    order=unique,
    columns=unique,
    group=st.text(max_size=8),
    opened=st.text(max_size=8),
    pins=unique,
    life=st.sampled_from(["active", "deleted", "all"]),
    panel=st.sampled_from(["", "columns"]),
    page=st.text(max_size=8),
)


@given(asked=queries)
def test_an_address_says_the_whole_state(asked: RunsQuery) -> None:
    """Whatever is asked for comes back from its address, whatever letters are in it."""
    assert asked == RunsQuery.of(parse_qsl(urlsplit(asked.address()).query))


@given(asked=queries)
def test_a_form_sends_what_it_holds_and_what_stands_beside_it(asked: RunsQuery) -> None:
    """The hidden inputs of a form without a field, and the field, are the state."""
    pairs = [*asked.pairs("text"), ("q", asked.text)]

    assert asked == RunsQuery.of(pairs)


def test_another_question_begins_at_its_first_page() -> None:
    """A change of filter or order leaves the page; of pins or of the open panel it does not."""
    asked = RunsQuery(text="a", page="token")

    assert "page" not in asked.query(order=("status ASC",))
    assert "page=token" in asked.query(pins=("run-1",))
    assert "page=token" in asked.query()


def test_an_address_without_a_state_is_not_the_first_view() -> None:
    """The plain list has an address of its own, for `/runs` alone may lead to a kept view."""
    assert "/runs?q=" == RunsQuery().address()
    assert RunsQuery.of([("q", "")]).is_plain


@pytest.mark.parametrize(
    "pairs",
    [[("experiment", "x")], [("life", "gone")], [("pin", f"run-{number}") for number in range(MOST_PINS + 1)]],
)
def test_what_cannot_be_asked_is_refused(pairs: list[tuple[str, str]]) -> None:
    """An experiment that is no number, a life that is none, more pins than fit."""
    with pytest.raises(UserError):
        RunsQuery.of(pairs)


@pytest.mark.parametrize("id_", ["metrics.val/loss", "params.a.b", "tags.x y", "status", "metrics."])
def test_a_column_has_one_id(id_: str) -> None:
    """Kind and key of a column lead back to its id."""
    assert id_ == column_id(*column_key(id_))
