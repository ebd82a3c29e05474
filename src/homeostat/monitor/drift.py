"""Drift of inputs and score against its setpoint.

A breach needs both: a distance beyond the setpoint, and a test that rules chance out, at a false discovery rate of one
in a hundred over all columns whatever their dependence. Drift is weak evidence of harm: the loop decides what follows.
"""

from typing import Any

import numpy as np

from homeostat.core.clock import Micros
from homeostat.monitor.inputs import SCORE, Inputs
from homeostat.monitor.records import Reading, State
from homeostat.monitor.setpoints import Drift
from homeostat.stats import drift
from homeostat.stats.multiple import e_bh, e_value

_FALSE_DISCOVERIES = 0.01
_NAMED = 3  # features in a sentence


def read_drift(inputs: Inputs, system: str, setpoint: Drift, now: Micros) -> Reading:
    """The setpoint as it stands at `now`: its value is the greatest distance of a column judged."""
    reference = inputs.reference
    if reference is None:
        return _reading(
            system, setpoint, now, sentence="There is no reference yet: it is made of the first days served."
        )
    live = inputs.window(now, setpoint.window_us)
    rows = max((int(counts.sum()) for counts in live.values()), default=0)
    if rows < setpoint.min_rows:
        return _reading(
            system, setpoint, now, rows=rows, sentence=f"{rows} rows in this window; {setpoint.min_rows} are needed."
        )
    found = {
        name: drift.distance(feature.cells, np.array(feature.counts), live[name])
        for name, feature in reference.features.items()
        if name in live
    }
    is_real = e_bh(e_value(np.array([distance.p_value for distance in found.values()])), _FALSE_DISCOVERIES)
    features: list[dict[str, Any]] = [
        {"feature": name, "is_significant": bool(real), **distance._asdict()}
        for (name, distance), real in zip(found.items(), is_real, strict=True)
        if getattr(distance, setpoint.distance) is not None
    ]
    features.sort(key=lambda entry: -entry[setpoint.distance])
    judged = [entry for entry in features if not setpoint.columns or entry["feature"] in setpoint.columns]
    if not judged:
        return _reading(
            system,
            setpoint,
            now,
            rows=rows,
            sentence=f"No column judged has a distance of the kind {setpoint.distance} yet.",
        )
    beyond = [entry for entry in judged if entry[setpoint.distance] > setpoint.at_most]
    drifted = [entry["feature"] for entry in beyond if entry["is_significant"]]
    state: State = "breach" if drifted else "unknown" if beyond else "met"
    return _reading(
        system,
        setpoint,
        now,
        rows=rows,
        value=float(judged[0][setpoint.distance]),
        state=state,
        evidence={
            "reference_version": reference.version,
            "features": features,
            "drifted": drifted,
            "score": next((entry for entry in features if entry["feature"] == SCORE), None),
        },
        sentence=_sentence(setpoint, judged, drifted),
    )


def _reading(
    system: str,
    setpoint: Drift,
    now: Micros,
    *,
    sentence: str,
    rows: int = 0,
    value: float | None = None,
    state: State = "unknown",
    evidence: dict[str, Any] | None = None,
) -> Reading:
    return Reading(
        system=system,
        setpoint=setpoint.name,
        kind="drift",
        at=now,
        value=value,
        low=None,
        high=None,
        at_most=setpoint.at_most,
        state=state,
        rows=rows,
        evidence=evidence or {},
        sentence=sentence,
    )


def _sentence(setpoint: Drift, features: list[dict[str, Any]], drifted: list[str]) -> str:
    first = features[0]
    if not drifted:
        return (
            f"No column has drifted: the furthest is {first['feature']} with {setpoint.distance} "
            f"{first[setpoint.distance]:.3f}, at most {setpoint.at_most:g}."
        )
    more = f" and {len(drifted) - _NAMED} more" if len(drifted) > _NAMED else ""
    said = [entry for entry in features if entry["feature"] in drifted][:_NAMED]
    named = ", ".join(f"{entry['feature']} {entry[setpoint.distance]:.2f}" for entry in said)
    return f"{len(drifted)} of {len(features)} columns drifted beyond {setpoint.distance} {setpoint.at_most:g}: {named}{more}."
