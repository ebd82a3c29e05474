import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.clock import DAY, Micros, parse_iso
from homeostat.ui.charts.gauge import gauge
from homeostat.ui.charts.graph import graph
from homeostat.ui.charts.line import line_chart
from homeostat.ui.charts.records import (
    NARROW,
    WIDE,
    Event,
    Graph,
    GraphNode,
    Limit,
    LineChart,
    NodeState,
    Series,
    Share,
    Timeline,
)
from homeostat.ui.charts.scales import Scale, decimals, ticks, time_ticks
from homeostat.ui.charts.small import histogram_pair, share_bar, sparkline
from homeostat.ui.charts.timeline import timeline

START = parse_iso("2013-01-01")


def chart(values: tuple[float | None, ...], name: str = "loss") -> LineChart:
    return LineChart(
        title=name,
        at=tuple(Micros(START + index * DAY) for index in range(len(values))),
        series=(Series(name=name, role="champion", values=values),),
        start=START,
        end=Micros(START + 90 * DAY),
    )


class Elements(HTMLParser):
    """The elements of a picture: attributes, and the text within."""

    def __init__(self, svg: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(svg)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append({name: value or "" for name, value in attrs} | {"text": ""})

    def handle_data(self, data: str) -> None:
        self.found[-1]["text"] += data


def of_class(svg: str, name: str) -> list[dict[str, str]]:
    return [found for found in Elements(svg).found if name in found.get("class", "").split()]


def test_a_gap_breaks_the_line() -> None:
    """Nothing is drawn where nothing was measured."""
    svg = line_chart(chart((0.1, 0.2, None, 0.3, 0.2)), WIDE)

    assert 2 == len(of_class(svg, "line"))


def test_a_point_alone_is_a_dot() -> None:
    """A single measurement between two gaps can be seen."""
    svg = line_chart(chart((None, 0.2, None)), WIDE)

    assert 1 == len(of_class(svg, "dot"))


def test_no_values_no_chart() -> None:
    """A chart without a value draws nothing rather than an empty frame."""
    assert "" == line_chart(chart((None, None)), WIDE)


def test_hostile_names_are_escaped() -> None:
    """A name cannot become markup."""
    svg = line_chart(chart((0.1, 0.2), name="<script>alert(1)</script>"), WIDE)

    assert "<script>" not in svg


def test_no_style_attributes() -> None:
    """A strict content security policy forbids style attributes, so charts have none."""
    svgs = [line_chart(chart((0.1, 0.2)), NARROW), share_bar([Share(label="a", role="champion", share=1)], label="x")]

    assert [] == [svg for svg in svgs if " style=" in svg]


def test_charts_of_a_page_share_the_time_axis() -> None:
    """The same instant stands at the same pixel in the line chart and in the timeline."""
    event = Event(at=Micros(START + 45 * DAY), kind="deploy", label="v2")
    lanes = timeline(Timeline(title="t", events=(event,), start=START, end=Micros(START + 90 * DAY)), WIDE)
    lines = line_chart(chart((0.1, 0.2)), WIDE)
    ticks_of = [
        [(text["x"], text["text"]) for text in of_class(svg, "tick") if "Feb" in text["text"]] for svg in (lanes, lines)
    ]

    assert ticks_of[0] == ticks_of[1]
    assert ticks_of[0]


def test_what_lasts_is_drawn_to_its_end() -> None:
    """A breach that still lasts reaches the end of the axis."""
    event = Event(at=START, kind="breach", label="Brier")
    svg = timeline(Timeline(title="t", events=(event,), start=START, end=Micros(START + 90 * DAY)), WIDE)

    assert [f"{WIDE.width - WIDE.left - WIDE.right:.0f}"] == [span.get("width") for span in of_class(svg, "span")]


def test_events_outside_the_axis_are_left_out() -> None:
    """The timeline shows only what happened on its axis."""
    before = Event(at=Micros(START - 9 * DAY), until=Micros(START - DAY), kind="canary", label="old")
    after = Event(at=Micros(START + 91 * DAY), kind="deploy", label="new")
    svg = timeline(Timeline(title="t", events=(before, after), start=START, end=Micros(START + 90 * DAY)), WIDE)

    assert [] == of_class(svg, "span") + of_class(svg, "icon")


@pytest.mark.parametrize(("direction", "is_left"), [("at_most", True), ("at_least", False)])
def test_the_gauge_puts_well_on_the_declared_side(direction: str, is_left: bool) -> None:  # noqa: FBT001
    """A value on the well side stands left of the limit for `at most` and right of it for `at least`."""
    value = 0.1 if direction == "at_most" else 0.3
    limit = Limit(value=0.2, direction="at_most" if direction == "at_most" else "at_least")
    svg = gauge(label="x", limit=limit, value=value, low=None, high=None, state="met")
    edge = float(re.findall(r"M([\d.]+) 5V25", svg)[0])

    assert is_left == (float(of_class(svg, "gauge-value")[0].get("cx", "nan")) < edge)


@given(value=st.floats(-1e6, 1e6), limit=st.floats(-1e6, 1e6))
def test_the_gauge_always_shows_value_and_limit(value: float, limit: float) -> None:
    """Whatever is measured, value and limit lie within the picture."""
    bound = Limit(value=limit, direction="at_most")
    svg = gauge(label="x", limit=bound, value=value, low=None, high=None, state="met")
    at = [float(of_class(svg, "gauge-value")[0].get("cx", "nan")), float(re.findall(r"M([\d.]+) 5V25", svg)[0])]

    assert all(0 <= place <= 260 for place in at)


def test_an_unknown_state_is_hatched() -> None:
    """Unknown differs from met and breach by more than colour."""
    limit = Limit(value=1, direction="at_most")
    svg = gauge(label="x", limit=limit, value=None, low=None, high=None, state="unknown")

    assert 1 == len(of_class(svg, "track-unknown"))


def test_shares_fill_the_bar() -> None:
    """Shares of one add up to the whole width, gaps aside."""
    arms = [Share(label="a", role="champion", share=0.75), Share(label="b", role="challenger", share=0.25)]
    widths = [float(part.get("width", "nan")) for part in of_class(share_bar(arms, label="x"), "share")]

    assert 320 == sum(widths) + 2 * len(widths)


def test_small_pictures_need_something_to_show() -> None:
    """One value is no line; empty histograms are flat, not an error."""
    assert "" == sparkline([1.0], label="x")
    assert "reference" in histogram_pair([0, 0], [0, 0], label="x")


def test_histograms_are_compared_as_shares() -> None:
    """A live window of twice the size but the same shape has bars that meet the reference's outline."""
    svg = histogram_pair([1, 3], [2, 6], label="x")
    heights = [float(bar.get("height", "nan")) for bar in of_class(svg, "live")]

    assert pytest.approx(3, rel=0.02) == heights[1] / heights[0]


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6), about=st.integers(2, 10))
def test_ticks_are_round_and_inside(low: float, span: float, about: int) -> None:
    """Ticks lie within the axis, ascend, and are no more than about twice what was asked for."""
    marks = ticks(low, low + span, about)

    assert sorted(set(marks)) == marks
    assert all(low - span * 1e-6 <= mark <= low + span * (1 + 1e-6) for mark in marks)
    assert len(marks) <= about + 1


@given(days=st.floats(0.01, 4000), at_most=st.integers(3, 14))
def test_time_ticks_stay_on_the_axis(days: float, at_most: int) -> None:
    """Instants lie on the axis and are few enough to read."""
    end = Micros(START + int(days * DAY))
    found = time_ticks(START, end, at_most)

    assert all(START <= tick.at <= end for tick in found)
    assert len(found) <= at_most + 2


def test_decimals_tell_ticks_apart() -> None:
    """Neighbouring ticks never read the same."""
    assert [2, 1, 0] == [decimals([0.1, 0.15]), decimals([0.1, 0.2]), decimals([10, 20])]


def test_a_scale_maps_ends_to_ends() -> None:
    """Low goes to start and high to end, also upside down."""
    scale = Scale(0, 10, 100, 0)

    assert (100, 0) == (scale(0), scale(10))


def test_a_scale_of_one_instant_is_its_start() -> None:
    """A system that was declared this very instant can be drawn."""
    assert 7 == Scale(5, 5, 7, 9)(5)


def test_a_step_stands_right_of_what_it_takes_from() -> None:
    """Each link goes from left to right, data stands beside the first step that takes it, and no two nodes overlap."""
    states: dict[str, NodeState] = {"raw": "data", "late": "data", "clean": "ran", "train": "cached", "judge": "failed"}
    links = (("raw", "clean"), ("clean", "train"), ("train", "judge"), ("late", "judge"), ("clean", "judge"))
    nodes = tuple(GraphNode(name=name, state=state, detail="1 s") for name, state in states.items())
    found = Elements(graph(Graph(title="g", nodes=nodes, links=links))).found
    at = [one["transform"] for one in found if one.get("class", "").startswith("node")]
    places = [tuple(map(float, re.findall(r"[\d.]+", where))) for where in at]
    columns = dict(zip(states, (x for x, _ in places), strict=True))

    assert len(states) == len(set(places))
    assert all(columns[start] < columns[end] for start, end in links)
    assert columns["late"] == columns["train"]
