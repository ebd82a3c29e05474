"""Runs as text: a list, all of one run, and what differs between several."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import click
import msgspec

from homeostat.capture import code
from homeostat.capture.environment import changed, read_environment
from homeostat.cli.options import print_table
from homeostat.core.clock import moment
from homeostat.core.digests import Digest, short
from homeostat.core.durations import spoken
from homeostat.core.errors import CorruptObject, NotFound
from homeostat.store.objects import ObjectStore
from homeostat.track.leading import SYSTEM, direction, leading
from homeostat.track.records import Latest, RunDetail, RunRecord, RunSummary
from homeostat.ui.formats import size

WIDTH, NARROW = 24, 12  # of a sparkline
_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = 5  # of metrics in a list
_COLOURS = {"finished": "green", "failed": "red", "killed": "red", "running": "yellow"}


class Differences(NamedTuple):
    """What differs between two runs besides what they say of themselves.

    Attributes:
        files: sign and path of the code: `~` changed, `+` new, `-` gone.
        environment: lines on packages and interpreter.
        diff: lines of a unified diff, if it was asked for.
    """

    files: list[tuple[str, str]]
    environment: list[str]
    diff: list[str]


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """A curve in one line of text: the mean of what falls into each column; blank where there is no finite number."""
    if not values:
        return ""
    columns = min(width, len(values))
    means: list[float | None] = []
    for column in range(columns):
        part = values[column * len(values) // columns : (column + 1) * len(values) // columns]
        finite = [value for value in part if math.isfinite(value)]
        means.append(math.fsum(value / len(finite) for value in finite) if finite else None)
    known = [mean for mean in means if mean is not None]
    if not known:
        return " " * columns
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / (high - low) if math.isfinite(high - low) and high > low else 0.0
    return "".join(" " if mean is None else _BARS[round((mean - low) * scale)] for mean in means)


def first_metric(found: Iterable[RunSummary]) -> str | None:
    """The metric that a list draws: the one that tells most, else the first there is."""
    keys = list(dict.fromkeys(metric.key for one in found for metric in one.metrics if not _is_system(metric)))
    return leading(keys) or next(iter(keys), None)


def print_list(found: Sequence[RunSummary], curves: Mapping[str, Sequence[float]], next_token: str) -> None:
    """A row for each run, with the curve of its first metric.

    Args:
        curves: by run.
    """
    if not found:
        click.echo("No runs.")
        return
    first = first_metric(found)
    keys = list(dict.fromkeys(metric.key for one in found for metric in one.metrics if not _is_system(metric)))
    keys.sort(key=lambda key: (key != first, direction(key) is None))
    keys = keys[:_COLUMNS]
    rows = []
    for one in found:
        values = {metric.key: _number(metric.value) for metric in one.metrics}
        line = [sparkline(curves.get(one.run.id, ()), NARROW)] if curves else []
        cells = [values.get(key, "") for key in keys]
        rows.append(
            (one.run.id, one.run.name, one.run.status, _when(one.run.started_at), _took(one.run), *line, *cells)
        )
    drawn = [first or ""] if curves else []
    print_table(("run", "name", "status", "started", ">took", *drawn, *(f">{key}" for key in keys)), rows)
    if next_token:
        click.echo(f"There are more: --page {next_token}")


def print_run(
    detail: RunDetail, experiment: str, curves: Mapping[str, Sequence[float]], *, with_system: bool = False
) -> None:
    """All of a run.

    Args:
        curves: by metric.
        with_system: also the metrics of the machine.
    """
    run = detail.run
    click.echo(f"{click.style(run.name, bold=True)}  {click.style(run.status, fg=_COLOURS.get(run.status))}  {run.id}")
    deleted = ", deleted since: homeostat runs restore brings it back" if run.deleted_at is not None else ""
    click.echo(f"  {_when(run.started_at)}, took {_took(run) or 'no end yet'}, in {experiment}{deleted}")
    click.echo(f"  by {run.user or 'nobody known'}{f' from {run.source}' if run.source else ''}")
    _section("Note", run.note.splitlines() if run.note else [])
    _section("Params", _aligned((key, _text(value)) for key, value in detail.params.items()))
    own = [metric for metric in detail.metrics if with_system or not _is_system(metric)]
    _section("Metrics", list(_curves(own, curves)))
    hidden = len(detail.metrics) - len(own)
    if hidden:
        click.echo(f"  and {hidden} of the machine: --system")
    _section("Tags", _aligned(detail.tags.items()))
    _section("Data", _aligned((used.name, f"{used.digest} {' '.join(used.tags.values())}") for used in detail.inputs))
    _section("Artifacts", _aligned((kept.name, size(kept.size_bytes)) for kept in detail.artifacts))
    git = detail.surroundings.get("git", {})
    changes = ", with changes" if git.get("dirty") == "true" else ""
    made_of = {
        "commit": f"{git['commit'][:12]} {git.get('branch', '')}{changes}" if git.get("commit") else "",
        "code": short(run.code) if run.code else "",
        "environment": short(run.environment) if run.environment else "",
    }
    _section("Made of", _aligned((name, value) for name, value in made_of.items() if value))
    _section("What went wrong", run.error.splitlines() if run.error else [])


def print_side_by_side(
    found: Sequence[RunDetail], *, only_differences: bool, with_system: bool, more: Differences | None
) -> None:
    """Runs as columns; what differs comes first, or stands alone."""
    rows = sides(found, only_differences=only_differences, with_system=with_system)
    heads = [f"{detail.run.name} {detail.run.id[-6:]}" for detail in found]
    judged = len(found) == 2
    print_table(
        ("", *heads, *([""] if judged else [])),
        [(name, *values, *([_judged(name, values)] if judged else [])) for name, values in rows.items()],
    )
    if not rows:
        click.echo("Params, metrics, tags, data and artifacts are the same.")
    if more is not None:
        _section("Code", [f"{sign} {path}" for sign, path in more.files])
        _section("Environment", more.environment)
        for line in more.diff:
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
            click.echo(click.style(line, fg=colour) if colour else line)


def sides(found: Sequence[RunDetail], *, only_differences: bool, with_system: bool) -> dict[str, list[str]]:
    """What each run says, by what it is about; what differs comes first."""
    known = [_facts(detail, with_system=with_system) for detail in found]
    names = dict.fromkeys(name for side in known for name in side)
    rows = {name: [side.get(name, "") for side in known] for name in names}
    ordered = sorted(rows.items(), key=lambda row: len(set(row[1])) == 1)
    return {name: values for name, values in ordered if not only_differences or len(set(values)) > 1}


def differences(first: RunDetail, second: RunDetail, objects: ObjectStore, *, with_diff: bool) -> Differences:
    """Of code and environment; nothing of what was not captured or is not here any more."""
    files: list[tuple[str, str]] = []
    lines: list[str] = []
    if first.run.code and second.run.code and first.run.code != second.run.code:
        try:
            old, new = (code.read_tree(Digest(one.run.code), objects).files for one in (first, second))
            files = code.changes(old, new)
            for sign, path in files if with_diff else ():
                lines.append(click.style(f"{sign} {path}", bold=True))
                found = code.unified(old.get(path), new.get(path), objects)
                lines += ["  no text, or too large"] if found is None else found
        except (NotFound, CorruptObject) as lost:
            lines.append(lost.message)
    packages: list[str] = []
    if first.run.environment and second.run.environment and first.run.environment != second.run.environment:
        try:
            before, after = (read_environment(Digest(one.run.environment), objects) for one in (first, second))
            packages = [f"{one.name} {one.before or 'none'} → {one.after or 'none'}" for one in changed(before, after)]
        except NotFound:
            pass  # one of the two descriptions was given up: nothing can be said
    return Differences(files, packages, lines)


def _facts(detail: RunDetail, *, with_system: bool) -> dict[str, str]:
    run = detail.run
    metrics = [metric for metric in detail.metrics if with_system or not _is_system(metric)]
    return {
        "name": run.name,
        "status": run.status,
        **{f"metrics.{metric.key}": f"{metric.value:.6g}" for metric in metrics},
        **{f"params.{key}": _text(value) for key, value in detail.params.items()},
        **{f"tags.{key}": value for key, value in detail.tags.items()},
        **{f"data.{used.name}": used.digest for used in detail.inputs},
        **{f"artifacts.{kept.name}": short(kept.digest) for kept in detail.artifacts},
        "code": short(run.code) if run.code else "",
        "environment": short(run.environment) if run.environment else "",
    }


def _judged(name: str, values: Sequence[str]) -> str:
    """Whether the second of two is better, as far as the metric's name says which way is."""
    if not name.startswith("metrics.") or not all(values) or values[0] == values[1]:
        return ""
    way, (before, after) = direction(name.removeprefix("metrics.")), map(float, values)
    if way is None or math.isnan(before) or math.isnan(after):
        return ""
    return "better" if (after < before) == (way == "lower") else "worse"


def _curves(metrics: Sequence[Latest], curves: Mapping[str, Sequence[float]]) -> Iterable[str]:
    first = leading(metric.key for metric in metrics)
    width = min(max((len(metric.key) for metric in metrics), default=0), 40)
    for metric in sorted(metrics, key=lambda metric: metric.key != first):
        line = sparkline(curves.get(metric.key, ())) if metric.points > 1 else ""
        points = f"at {metric.step:,} of {metric.points:,} points" if metric.points > 1 else ""
        yield f"{metric.key:{width}}  {line:{WIDTH}}  {_number(metric.value):>10}  {points}".rstrip()


def _section(title: str, lines: Sequence[str]) -> None:
    if lines:
        click.echo(click.style(title, bold=True))
        for line in lines:
            click.echo(f"  {line}")


def _aligned(pairs: Iterable[tuple[str, str]]) -> list[str]:
    found = list(pairs)
    width = min(max((len(name) for name, _ in found), default=0), 40)
    return [f"{name:{width}}  {value}".rstrip() for name, value in found]


def _is_system(metric: Latest) -> bool:
    return metric.key.startswith(SYSTEM)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _number(value: float) -> str:
    return f"{value:.4g}"


def _when(at: int) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M:%S}"


def _took(run: RunRecord) -> str:
    if run.finished_at is not None:
        return spoken(run.finished_at - run.started_at)
    return f"{spoken(round(time.time() * 1_000_000) - run.started_at)} so far" if run.status == "running" else ""
