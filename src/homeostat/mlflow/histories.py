"""Curves: every point of a metric, of one run or of many, in the order of (time, step, value)."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from homeostat.mlflow.call import Call, Endpoint
from homeostat.mlflow.runs import record
from homeostat.mlflow.wire import SEE, Asked, Fault, Int64, number, present
from homeostat.track import queries
from homeostat.track.blocks import Points

_MOST_BULK = 25_000
_MOST_RUNS = 100
_MOST_PER_RUN = 2500


class Get(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id", "metric_key")
    run_id: str = ""
    metric_key: str = ""
    max_results: int | None = None
    page_token: str = ""


class Bulk(Asked, frozen=True, kw_only=True):
    run_id: tuple[str, ...] = ()
    metric_key: str = ""
    max_results: int = _MOST_BULK


class Interval(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_ids", "metric_key")
    run_ids: tuple[str, ...] = ()
    metric_key: str = ""
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: int = _MOST_PER_RUN


def get(call: Call, asked: Get) -> dict[str, Any]:
    if asked.max_results is not None and asked.max_results <= 0:
        raise Fault(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied. It must be a positive integer."
        )
    run_id = record(call, asked.run_id).id
    curve = _sorted(queries.curves(call.connection, [run_id], asked.metric_key).get(run_id))
    first = _offset(asked.page_token)
    last = len(curve) if asked.max_results is None else min(len(curve), first + asked.max_results)
    token = str(last) if last < len(curve) else None
    return present(
        metrics=_shown(asked.metric_key, curve.take(slice(first, last))),
        next_page_token=token,
    )


def bulk(call: Call, asked: Bulk) -> dict[str, Any]:
    if not asked.run_id:
        raise Fault("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(asked.run_id) > _MOST_RUNS:
        raise Fault(
            f"GetMetricHistoryBulk request cannot specify more than {_MOST_RUNS} run_ids. Received {len(asked.run_id)} run_ids."
        )
    if not asked.metric_key:
        raise Fault("GetMetricHistoryBulk request must specify a metric_key.")
    room = min(asked.max_results, _MOST_BULK)
    found: list[dict[str, Any]] = []
    curves = queries.curves(call.connection, _known(call, asked.run_id), asked.metric_key)
    for run_id in sorted(curves):
        points = _sorted(curves[run_id]).take(slice(0, room - len(found)))
        found += _shown(asked.metric_key, points, run_id=run_id)
    return {"metrics": found}


def interval(call: Call, asked: Interval) -> dict[str, Any]:
    if len(asked.run_ids) > _MOST_RUNS:
        raise Fault(
            f"GetMetricHistoryBulkInterval request cannot specify more than {_MOST_RUNS} run_ids. "
            f"Received {len(asked.run_ids)} run_ids."
        )
    if not 1 <= asked.max_results <= _MOST_PER_RUN:
        raise Fault(f"max_results must be between 1 and {_MOST_PER_RUN}.{SEE}")
    if (asked.start_step is None) != (asked.end_step is None):
        raise Fault("If either start step or end step are specified, both must be specified.")
    if asked.start_step is not None and asked.end_step is not None and asked.start_step > asked.end_step:
        raise Fault(
            "end_step must be greater than start_step. "
            f"Found start_step={asked.start_step} and end_step={asked.end_step}."
        )
    curves = queries.curves(call.connection, _known(call, asked.run_ids), asked.metric_key)
    found = []
    steps = _steps(list(curves.values()), asked)
    for run_id in sorted(curves):
        curve = _sorted(curves[run_id])
        if steps is not None:
            curve = curve.take(np.isin(curve.steps, steps))
        found += _shown(asked.metric_key, curve, run_id=run_id)
    return present(metrics=found)


def _steps(curves: Sequence[Points], asked: Interval) -> Any:
    """Steps to show: all of the interval, or as many as there is room for, the last of every run among them."""
    if not curves:
        return None
    low = -math.inf if asked.start_step is None else asked.start_step
    high = math.inf if asked.end_step is None else asked.end_step
    inside = [curve.steps[(curve.steps >= low) & (curve.steps <= high)] for curve in curves]
    every = np.unique(np.concatenate(inside))
    if len(every) <= asked.max_results:
        return every
    chosen = every[np.linspace(0, len(every) - 1, asked.max_results).round().astype(np.int64)]
    ends = [steps.max() for steps in inside if len(steps)]
    return np.unique(np.concatenate([chosen, np.array(ends, dtype=np.int64)]))


def _known(call: Call, run_ids: Sequence[str]) -> list[str]:
    return [run.id for run in queries.records(call.connection, list(dict.fromkeys(run_ids)))]


def _sorted(curve: Points | None) -> Points:
    if curve is None:
        return Points.of([], [], [])
    return curve.take(np.lexsort((curve.values, curve.steps, curve.at)))


def _shown(key: str, curve: Points, **more: str) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": number(value), "timestamp": at // 1000, "step": step, **more}
        for step, at, value in zip(curve.steps.tolist(), curve.at.tolist(), curve.values.tolist(), strict=True)
    ]


_MOST_DIGITS = 19  # of a number of points


def _offset(token: str) -> int:
    if token and not (token.isdecimal() and len(token) < _MOST_DIGITS):
        raise Fault("Invalid page token, could not base64-decode")
    return int(token or 0)


ENDPOINTS = (
    Endpoint(methods=("GET",), path="metrics/get-history", asked=Get, handler=get, writes=False),
    Endpoint(methods=("GET",), path="metrics/get-history-bulk", asked=Bulk, handler=bulk, writes=False),
    Endpoint(
        methods=("GET",), path="metrics/get-history-bulk-interval", asked=Interval, handler=interval, writes=False
    ),
)
