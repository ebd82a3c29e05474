"""Which chart a page's values make."""

from collections.abc import Sequence

from homeostat.core.clock import DAY, Micros
from homeostat.ui.charts.records import Event, Limit, LineChart, Mark, Series, Share, Timeline
from homeostat.ui.charts.run_records import Column, Dot, Line
from homeostat.ui.contexts import Arm, ComparePage, Evidence, SetpointReading, Week

_PARALLEL = 8  # axes, so that their names can be read
_HALF_WEEK = 7 * DAY // 2  # a week's figure stands at its middle


def weekly_auc(
    weeks: Sequence[Week], limit: float | None, events: Sequence[Event], since: Micros, until: Micros
) -> LineChart:
    """Ranking quality by week: the answering arms, and the model that was never retrained."""
    lines = [
        Series(
            name="Champion, as served",
            role="champion",
            values=tuple(week.auc for week in weeks),
            low=tuple(week.auc_low for week in weeks),
            high=tuple(week.auc_high for week in weeks),
        )
    ]
    static = tuple(week.static_auc for week in weeks)
    return LineChart(
        title="AUC by week of prediction, higher is better",
        at=_middles(weeks),
        series=tuple(lines + _static(static)),
        limit=None if limit is None else Limit(value=limit, direction="at_least"),
        marks=_deployments(events),
        start=since,
        end=until,
    )


def weekly_brier(
    weeks: Sequence[Week], limit: float | None, events: Sequence[Event], since: Micros, until: Micros
) -> LineChart:
    """Mean squared error of the probabilities by week, against its setpoint."""
    lines = [
        Series(
            name="Champion, as served",
            role="champion",
            values=tuple(week.brier for week in weeks),
            low=tuple(week.brier_low for week in weeks),
            high=tuple(week.brier_high for week in weeks),
        )
    ]
    static = tuple(week.static_brier for week in weeks)
    return LineChart(
        title="Brier score by week of prediction, lower is better",
        at=_middles(weeks),
        series=tuple(lines + _static(static)),
        limit=None if limit is None else Limit(value=limit, direction="at_most"),
        marks=_deployments(events),
        start=since,
        end=until,
    )


def history(system: str, events: Sequence[Event], since: Micros, until: Micros) -> Timeline:
    """What happened to a system, on the time axis of the page."""
    return Timeline(title=f"What happened to {system}", events=tuple(events), start=since, end=until)


def arm_shares(arms: Sequence[Arm]) -> tuple[Share, ...]:
    """Traffic by arm."""
    return tuple(Share(label=f"{arm.role} v{arm.version}", role=arm.role, share=arm.weight) for arm in arms)


def dots(page: ComparePage) -> tuple[Dot, ...]:
    """The runs of a comparison, each with its place in the columns."""
    places = {run_id: place for place, run_id in enumerate(page.view.runs)}
    return tuple(
        Dot(name=run.name, place=places[run.id], is_best=run.is_best, is_within=run.is_within) for run in page.runs
    )


def reach(line: Line) -> tuple[float | None, float | None, float | None]:
    """The lowest, the highest and the last value of a curve, as far as there is one."""
    low, high, means = (
        [value for value in column if value is not None]
        for column in (line.low or line.mean, line.high or line.mean, line.mean)
    )
    return min(low, default=None), max(high, default=None), means[-1] if means else None


def parallel_columns(page: ComparePage) -> tuple[Column, ...]:
    """The parameters that matter most, as far as is known, and the objective behind them."""
    weights = {weight.name: weight.share for weight in page.importance.weights} if page.importance else {}
    settings = [column for column in page.columns if not column.is_metric]
    settings.sort(key=lambda column: -weights.get(column.name, 0.0))
    measured = [column for column in page.columns if column.is_metric and column.name == page.view.objective]
    return (*settings[: _PARALLEL - 1], *measured)


def column(page: ComparePage, key: str) -> Column | None:
    """The column of a key, if there is one."""
    return next((found for found in page.columns if found.key == key), None)


def limit_of(reading: SetpointReading | Evidence) -> Limit:
    """The bound of a gauge."""
    return Limit(value=reading.limit, direction=reading.direction)


def _middles(weeks: Sequence[Week]) -> tuple[Micros, ...]:
    return tuple(Micros(week.start + _HALF_WEEK) for week in weeks)


def _static(values: tuple[float | None, ...]) -> list[Series]:
    if all(value is None for value in values):
        return []
    return [Series(name="First model, never retrained", role="static", values=values)]


def _deployments(events: Sequence[Event]) -> tuple[Mark, ...]:
    return tuple(Mark(at=event.at, label=event.label) for event in events if event.kind in {"deploy", "rollback"})
