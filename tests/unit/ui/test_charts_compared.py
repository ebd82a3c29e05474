"""Pictures of many runs."""

import math
import re

import msgspec
import pytest

from homeostat.ui.charts.compared import compared_curves, parallel_axes, scatter, weight_bar
from homeostat.ui.charts.run_records import Column, Line, Panel
from homeostat.ui.figures import dots, parallel_columns, reach
from unit.ui import sample_comparison


def panel(**changes: object) -> Panel:
    line = Line(key="a", label="a", hue=1, x=(0.0, 1.0, 2.0, 3.0), mean=(1.0, None, 2.0, 4.0), points=4)
    made = Panel(
        metric="loss", x="step", is_x_log=False, is_y_log=False, is_grouped=False, lines=(line,), start=0.0, end=3.0
    )
    return msgspec.structs.replace(made, **changes)


def paths(svg: str, role: str) -> list[list[tuple[float, float]]]:
    """Points of each line of a role."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", d)]
        for d, found in re.findall(r'<path d="([^"]*)" class="([^"]*)"', svg)
        if found == role
    ]


def test_a_gap_breaks_a_line() -> None:
    """What is not finite is not drawn over: a point alone is a dot, the rest a line of its own."""
    svg = compared_curves(panel())

    assert [2] == [len(points) for points in paths(svg, "trace hue1")]
    assert 1 == svg.count('class="point hue1"')


def test_a_spike_is_drawn() -> None:
    """The highest of a bucket is a vertex, the nearer end first, so that the line reaches it."""
    line = Line(
        key="a", label="a", hue=1, x=(0.0, 1.0, 2.0), mean=(1.0, 1.5, 1.0), low=(1.0, 1.0, 1.0), high=(1.0, 9.0, 1.0)
    )
    (points,) = paths(compared_curves(panel(lines=(line,), end=2.0)), "trace hue1")

    assert 4 == len(points)
    assert min(y for _, y in points) == points[2][1]


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show() -> None:
    """Values of 0 and below are gaps; decades are evenly apart."""
    line = Line(key="a", label="a", hue=1, x=(1.0, 10.0, 100.0, 1000.0), mean=(0.0, 0.01, 0.1, 1.0))
    (points,) = paths(
        compared_curves(panel(lines=(line,), is_x_log=True, is_y_log=True, start=1.0, end=1000.0)), "trace hue1"
    )

    assert 3 == len(points)
    assert points[1][0] - points[0][0] == pytest.approx(points[2][0] - points[1][0], abs=0.2)
    assert points[1][1] - points[0][1] == pytest.approx(points[2][1] - points[1][1], abs=0.2)


def test_nothing_to_draw_is_no_picture() -> None:
    """A metric that is NaN throughout, or below 0 on a logarithmic axis."""
    line = Line(key="a", label="a", hue=1, x=(0.0,), mean=(-1.0,))

    assert "" == compared_curves(panel(lines=()))
    assert "" == compared_curves(panel(lines=(line,), is_y_log=True))


@pytest.mark.parametrize(
    ("x", "end", "label"), [("step", 50_000, "40k"), ("relative", 7.2e9, "1.5 h"), ("relative", 3e5, "0.2 s")]
)
def test_marks_of_an_axis_have_their_unit(x: str, end: float, label: str) -> None:
    """Steps are shortened; time since the start is counted in what fits."""
    assert f">{label}</text>" in compared_curves(panel(x=x, end=end))


def test_groups_have_bands() -> None:
    """A band for each group that has one, behind its line."""
    svg = compared_curves(sample_comparison.COMPARE_MANY.panels[0])

    assert {"1", "2", "3"} == set(re.findall('class="area hue([123])"', svg))


def test_names_are_escaped() -> None:
    """A run's name is text in a picture, never markup."""
    page = sample_comparison.COMPARE_PAGE
    drawn = parallel_axes(parallel_columns(page), dots(page)) + scatter(
        page.columns[0], page.columns[2], None, dots(page)
    )

    assert "<b>" not in drawn
    assert "lion &lt;b&gt;" in drawn


def test_runs_that_are_brushed_out_are_faint() -> None:
    """A line for each run: the one outside the brush is out, the best one on top."""
    page = sample_comparison.COMPARE_PAGE
    roles = re.findall('class="across ([^"]*)"', parallel_axes(parallel_columns(page), dots(page)))

    assert 3 == len(roles)
    assert "best" == roles[-1]
    assert roles[0].endswith(" out")


def test_a_run_without_a_value_is_no_point() -> None:
    """Of three runs one has no optimizer."""
    page = sample_comparison.COMPARE_PAGE

    assert 2 == scatter(page.columns[1], page.columns[2], page.columns[0], dots(page)).count("<circle")


def test_one_axis_is_no_comparison() -> None:
    """Parallel coordinates need two."""
    page = sample_comparison.COMPARE_PAGE

    assert "" == parallel_axes(page.columns[:1], dots(page))


def test_values_that_are_all_the_same_have_an_axis() -> None:
    """Also on a logarithmic one."""
    flat = Column(key="param a", name="a", is_metric=False, is_log=True, words=(), values=(2.0, 2.0, 2.0))
    page = sample_comparison.COMPARE_PAGE

    assert 3 == scatter(flat, flat, None, dots(page)).count("<circle")


def test_a_weight_says_its_interval() -> None:
    """The text alternative has the figures; nothing is drawn left of 0."""
    svg = weight_bar(sample_comparison.WEIGHTS[1], 0.71)

    assert "optimizer: 0.03, between -0.02 and 0.06" in svg
    assert min(float(x) for x in re.findall(r"M([\d.-]+)", svg)) >= 0


def test_the_reach_of_a_curve_counts_its_extremes() -> None:
    """Lowest and highest of the buckets, last of the means; None where there is nothing."""
    low, high, last = reach(sample_comparison.line(0, 1))

    assert last == pytest.approx(math.exp(-39 / 9))
    assert (True, True) == (low is not None and low < 0, high is not None and high > 2)
    assert (None, None, None) == reach(Line(key="a", label="a", hue=0, x=(), mean=()))
