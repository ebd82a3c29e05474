"""Errors, latency and age against their setpoints: what every answer shows without waiting for a label."""

import math

import numpy as np

from homeostat.core.clock import DAY, Micros
from homeostat.monitor.panel import Panel
from homeostat.monitor.ports import Requests
from homeostat.monitor.records import Reading
from homeostat.monitor.rules import counted_state
from homeostat.monitor.setpoints import Age, Errors, Latency
from homeostat.stats import normal


def read_errors(system: str, setpoint: Errors, requests: Requests, now: Micros) -> Reading:
    """Share of failed requests, with its Wilson interval."""
    if not requests.total:
        return _nothing(system, setpoint, now, "No request has arrived in this window.")
    found = normal.share(requests.failed, requests.total)
    return Reading(
        system=system,
        setpoint=setpoint.name,
        kind="errors",
        at=now,
        value=found.value,
        low=found.low,
        high=found.high,
        at_most=setpoint.at_most,
        state=counted_state(found.value, found.low, setpoint.at_most),
        rows=requests.total,
        evidence={"failed": requests.failed},
        sentence=f"{requests.failed} of {requests.total} requests failed ({found.value:.3%}), at most {setpoint.at_most:.3%}.",
    )


def read_latency(panel: Panel, system: str, setpoint: Latency, now: Micros) -> Reading:
    """99th percentile of the latency of answered rows, with its interval by order statistics."""
    latency_ms = panel.floats("latency_ms")[panel.between(now - setpoint.window_us, now + 1)]
    latency_ms = latency_ms[~np.isnan(latency_ms)]
    if not len(latency_ms):
        return _nothing(system, setpoint, now, "No row has been answered in this window.")
    found = normal.upper_quantile(latency_ms, 0.99)
    return Reading(
        system=system,
        setpoint=setpoint.name,
        kind="latency",
        at=now,
        value=found.value,
        low=found.low if math.isfinite(found.low) else None,
        high=found.high if math.isfinite(found.high) else None,
        at_most=setpoint.p99_ms,
        state=counted_state(found.value, found.low, setpoint.p99_ms),
        rows=len(latency_ms),
        sentence=f"99 of 100 rows were answered within {found.value:.3g} ms, at most {setpoint.p99_ms:g} ms.",
    )


def read_age(system: str, setpoint: Age, trained_at: Micros | None, now: Micros) -> Reading:
    """Days of event time since the champion's training data ended."""
    if trained_at is None:
        return _nothing(system, setpoint, now, "There is no champion yet.")
    days = (now - trained_at) / DAY
    return Reading(
        system=system,
        setpoint=setpoint.name,
        kind="age",
        at=now,
        value=days,
        low=days,
        high=days,
        at_most=setpoint.limit,
        state="met" if days <= setpoint.limit else "breach",
        rows=0,
        sentence=f"The champion was trained {days:.1f} days ago, at most {setpoint.limit:g}.",
    )


def _nothing(system: str, setpoint: Errors | Latency | Age, now: Micros, sentence: str) -> Reading:
    return Reading(
        system=system,
        setpoint=setpoint.name,
        kind=setpoint.name,
        at=now,
        value=None,
        low=None,
        high=None,
        at_most=setpoint.limit,
        state="unknown",
        rows=0,
        sentence=sentence,
    )
