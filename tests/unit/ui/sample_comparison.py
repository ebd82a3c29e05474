"""Contexts of comparisons: of three runs, of forty by group, of none."""

import math
from typing import Literal

from homeostat.core.clock import HOUR, Micros
from homeostat.ui.contexts import (
    Brush,
    CodeFile,
    Column,
    Compared,
    ComparePage,
    Fact,
    Importance,
    Line,
    Panel,
    Surroundings,
    Versions,
    View,
    Weight,
)
from unit.ui.sample_systems import NOW, PROJECT

HOSTILE = 'lion <b>"&'


def line(number: int, hue: int, *, is_band: bool = False) -> Line:
    x = tuple(float(64 * bucket) for bucket in range(40))
    mean = tuple(None if number == 1 and 10 < at < 14 else math.exp(-at / 9) + 0.1 * number for at in range(40))
    near = tuple(None if value is None else value - 0.05 for value in mean)
    far = tuple(None if value is None else value + (2.0 if at == 20 else 0.05) for at, value in enumerate(mean))
    return Line(
        key=f"run-{number}",
        label=HOSTILE if number == 0 else f"adam-{number}",
        hue=hue,
        x=x,
        mean=mean,
        low=near,
        high=far,
        smooth=mean if is_band else (),
        holes=(704.0,) if number == 1 else (),
        runs=14 if is_band else 1,
        points=2560,
    )


def compared(number: int, hue: int) -> Compared:
    return Compared(
        id=f"run-{number}",
        name=HOSTILE if number == 0 else f"adam-{number}",
        status="finished",
        started_at=Micros(NOW - number * HOUR),
        hue=hue,
        is_picked=number == 1,
        is_best=number == 0,
        is_within=number != 2,
        objective=0.2 + 0.1 * number,
        settings=(f"{0.1 / (number + 1):.4f}", "adam"),
    )


def panel(
    metric: str, lines: tuple[Line, ...], x: Literal["step", "time", "relative"], *, is_log: bool = False
) -> Panel:
    return Panel(
        metric=metric,
        x=x,
        is_x_log=is_log,
        is_y_log=is_log,
        is_grouped=lines[0].runs > 1,
        lines=lines,
        start=1.0 if is_log else 0.0,
        end=2559.0,
    )


def columns(runs: int) -> tuple[Column, ...]:
    names = ("adam", "lion", "sgd")
    return (
        Column(
            key="param lr",
            name="lr",
            is_metric=False,
            is_log=True,
            words=(),
            values=tuple(10.0 ** (-number % 5 - 1) for number in range(runs)),
        ),
        Column(
            key="param optimizer",
            name="optimizer",
            is_metric=False,
            is_log=False,
            words=names,
            values=tuple(None if number == 1 else float(number % 3) for number in range(runs)),
        ),
        Column(
            key="metric val/loss",
            name="val/loss",
            is_metric=True,
            is_log=False,
            words=(),
            values=tuple(0.2 + 0.1 * number for number in range(runs)),
        ),
    )


WEIGHTS = (
    Weight(name="lr", share=0.62, low=0.48, high=0.71, correlation=0.81),
    Weight(name="optimizer", share=0.03, low=-0.02, high=0.06, correlation=None),
)
COMPARE_PAGE = ComparePage(
    project=PROJECT,
    now=NOW,
    sentence="2 of 5 parameters differ (lr, optimizer). Best val/loss: lion at 0.2.",
    view=View(
        runs=("run-0", "run-1", "run-2"),
        metrics=("val/loss", "train/loss"),
        objective="val/loss",
        across="param lr",
        up="metric val/loss",
        colour="param optimizer",
        pick=("run-1",),
        brush=(Brush(axis="param lr", low=0.001, high=0.1),),
    ),
    better="least",
    runs=tuple(compared(number, number + 1) for number in range(3)),
    metrics=("train/loss", "val/loss"),
    groups=("lr", "optimizer"),
    settings=("lr", "optimizer"),
    panels=(
        panel("val/loss", tuple(line(number, number + 1) for number in range(3)), "step"),
        panel("train/loss", tuple(line(number, number + 1) for number in range(3)), "step", is_log=True),
    ),
    columns=columns(3),
    importance=Importance(sentence="Too few runs: 3 runs with val/loss, and 10 are the least."),
    facts=(
        Fact(kind="parameter", name="lr", values=("0.1", "0.05", ""), differs=(False, True, True)),
        Fact(kind="metric", name="val/loss", values=("0.2", "0.3", "0.4"), differs=(False, False, False)),
    ),
    shown=("run-0", "run-1", "run-2"),
    same=7,
    surroundings=Surroundings(
        left="run-0",
        right="run-1",
        code="3 files of code differ: 1 changed, 1 added, 1 removed.",
        files=(
            CodeFile(
                path="train.py",
                sign="~",
                lines=("--- a/train.py", "+++ b/train.py", "@@ -1 +1 @@", "-a < b", "+a > b", " c"),
            ),
            CodeFile(path="new.py", sign="+", lines=()),
            CodeFile(path="old.py", sign="-", lines=()),
        ),
        more_files=2,
        environment="1 package or setting of the environment differ.",
        packages=(Versions(name="numpy", before="2.2.0", after=""),),
        datasets="1 dataset differ.",
        data=(Versions(name="digits", before="9f86d081", after="1b2b0b82"),),
    ),
)
COMPARE_MANY = ComparePage(
    project=PROJECT,
    now=NOW,
    sentence="2 of 5 parameters differ; of them lr matters most for val/loss. Best val/loss: lion at 0.2.",
    view=View(
        runs=tuple(f"run-{number}" for number in range(40)),
        metrics=("val/loss",),
        x="relative",
        smooth=0.6,
        group="optimizer",
        objective="val/loss",
        is_whole=True,
        first=8,
    ),
    runs=tuple(compared(number, 1 if number == 0 else 0) for number in range(40)),
    metrics=("val/loss",),
    groups=("lr", "optimizer"),
    settings=("lr", "optimizer"),
    panels=(panel("val/loss", tuple(line(number, number + 1, is_band=True) for number in range(3)), "relative"),),
    columns=columns(40),
    importance=Importance(
        sentence="The parameters explain 70 % of how val/loss varies.", weights=WEIGHTS, explained=0.7
    ),
    facts=(Fact(kind="parameter", name="lr", values=("0.1",) * 8, differs=(False,) * 8),),
    shown=tuple(f"run-{number}" for number in range(8, 16)),
)
COMPARE_EMPTY = ComparePage(project=PROJECT, now=NOW, sentence="Choose 2 to 200 runs to compare.", view=View())
