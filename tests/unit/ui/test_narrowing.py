"""Clicks in the list of runs."""

import pytest

from homeostat.core.errors import UserError
from homeostat.track.search.grammar import Comparison, parse
from homeostat.ui.contexts.runs_query import RunsQuery
from homeostat.ui.reading.narrowing import clicked, without

SHOWN = [("shown", id_) for id_ in ("status", "params.model", "tags.my tag", "experiment_id", "metrics.val/loss")]


def click(name: str, value: str, asked: RunsQuery | None = None) -> RunsQuery:
    return clicked(asked or RunsQuery(page="token"), [*SHOWN, (name, value)])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("only", "0.failed", "status = 'failed'"),
        ("not", "0.failed", "status != 'failed'"),
        ("only", '1.it\'s.a "b"', "params.model = 'it''s.a \"b\"'"),
        ("not", "2.x", "tags.\"my tag\" != 'x'"),
        ("only", "3.12", "experiment_id = 12"),
    ],
)
def test_a_value_becomes_a_comparison(name: str, value: str, text: str) -> None:
    """Only these and not these, of attributes, params and tags of any letters; the list begins at its first page."""
    asked = click(name, value)

    assert (text, "") == (asked.text, asked.page)
    assert parse(asked.text)


def test_a_comparison_is_added_once() -> None:
    """What the person wrote stays as it was written, and a second click on the same adds nothing."""
    once = click("only", "0.failed", RunsQuery(text="metrics.loss<.3"))
    twice = click("only", "0.failed", once)

    assert "metrics.loss<.3 AND status = 'failed'" == once.text == twice.text


def test_a_filter_that_cannot_be_read_gives_way() -> None:
    """A click takes the place of what is no filter."""
    assert "status = 'failed'" == click("only", "0.failed", RunsQuery(text="metrics.loss ~ 3")).text


def test_a_comparison_is_taken_away() -> None:
    """The others stay."""
    text = "metrics.loss < 0.3 AND status = 'failed' AND params.a IS NULL"

    assert "metrics.loss < 0.3 AND params.a IS NULL" == without(
        text, Comparison(kind="attribute", key="status", operator="=", value="failed")
    )


@pytest.mark.parametrize(
    ("id_", "orders"),
    [
        ("metrics.val/loss", ['metrics."val/loss" ASC', 'metrics."val/loss" DESC', 'metrics."val/loss" ASC']),
        ("metrics.auc", ["metrics.auc DESC", "metrics.auc ASC"]),
        ("params.lr", ["params.lr ASC", "params.lr DESC"]),
        ("start_time", ["start_time ASC", "start_time DESC"]),
    ],
)
def test_a_head_sorts_the_better_end_first_and_then_the_other_way(id_: str, orders: list[str]) -> None:
    """Loss begins at its lowest, auc at its highest; each click on the same head turns it round."""
    asked = RunsQuery()
    found: list[str] = []
    for _ in orders:
        asked = click("sort", id_, asked)
        found += asked.order

    assert orders == found


def test_the_time_leads_back_to_newest_first() -> None:
    """From another order, a click on the start is the order there is without any."""
    assert () == click("sort", "start_time", RunsQuery(order=("status ASC",))).order


def test_a_pin_is_set_and_taken_away() -> None:
    """The page stays where it is."""
    pinned = click("toggle", "run-1")

    assert (("run-1",), "token") == (pinned.pins, pinned.page)
    assert () == click("toggle", "run-1", pinned).pins


@pytest.mark.parametrize("value", ["9.x", "x", "", ".x", "-1.x"])
def test_a_click_beside_the_table_is_refused(value: str) -> None:
    """A column that is not shown has no values."""
    with pytest.raises(UserError, match="no value of a column"):
        click("only", value)
