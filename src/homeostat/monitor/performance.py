"""Realised performance against its setpoint: an interval of the loss, and a detector of its change.

Judged are predictions old enough that their labels should be in. Two watchers share the false alarms that the setpoint
allows in a year, half each: a confidence sequence over the present window, which says where the loss stands, and an
e-SR change detector since the champion took over, which is soon when the loss jumps.

Windows begin on a fixed grid and the judged span reaches back one to two of them: so there is one sequence for each
window of a year, each may be looked at any number of times, and their errors add up to what was declared. A window
that slid with every look would be a new test each time.
"""

from typing import Any

import msgspec
import numpy as np

from homeostat.core.clock import DAY, Micros, iso
from homeostat.monitor.panel import Panel
from homeostat.monitor.records import PairedEvidence, Reading, State
from homeostat.monitor.rules import LOSSES, ranking, sampled_state
from homeostat.monitor.setpoints import PairedLoss, Performance
from homeostat.stats import change_detector
from homeostat.stats.change_detector import ChangeDetector
from homeostat.stats.confidence_sequence import ConfidenceSequence, interval, update

_YEAR = 365 * DAY
_LARGEST_ALPHA = 0.5


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """How far a change detector has come: it has seen the rows of the panel before `next_row`."""

    since: Micros
    detector: ChangeDetector
    next_row: int = 0


def watch(panel: Panel, setpoint: Performance, since: Micros, now: Micros, before: Watch | None) -> Watch:
    """The change detector over predictions since the champion took over, brought up to `now`.

    It takes rows in log order, once they are `label_delay_us` old, and only those labelled by then, with the label
    first said: so its state is a function of log and instant, whenever it was asked before.
    """
    frontier = now - setpoint.label_delay_us
    stop = int(np.searchsorted(panel.ints("peak_at"), frontier, side="right"))
    if before is None or before.since != since or before.next_row > stop:
        first = int(np.searchsorted(panel.ints("peak_at"), since))
        before = Watch(since=since, detector=change_detector.detector(setpoint.at_most), next_row=min(first, stop))
    rows = slice(before.next_row, stop)
    at = panel.ints("at")[rows]
    is_counted = (at >= since) & (panel.ints("first_label_at")[rows] - setpoint.label_delay_us <= at)
    losses = LOSSES[setpoint.loss](
        panel.floats("score")[rows][is_counted], panel.floats("first_label")[rows][is_counted]
    )
    return Watch(
        since=since,
        detector=change_detector.update(before.detector, losses, at[is_counted]),
        next_row=stop,
    )


def read_performance(
    panel: Panel, system: str, setpoint: Performance, watched: Watch, *, origin: Micros, now: Micros
) -> Reading:
    """The setpoint as it stands at `now`, over predictions since the champion took over."""
    frontier = now - setpoint.label_delay_us
    anchor = origin + ((frontier - origin) // setpoint.window_us - 1) * setpoint.window_us
    start = max(anchor, watched.since)
    rows = panel.between(start, frontier + 1)
    label = panel.floats("label")[rows]
    known = ~np.isnan(label)
    losses = LOSSES[setpoint.loss](panel.floats("score")[rows][known], label[known])
    coverage = float(known.mean()) if len(rows) else None
    alpha = min(setpoint.false_alarms_per_year * setpoint.window_us / _YEAR, _LARGEST_ALPHA)
    sequence = update(ConfidenceSequence(), losses)
    low, high = interval(sequence, alpha)
    allowed = setpoint.false_alarms_per_year / 2
    run_length = max(1.0, _labels_a_year(panel, setpoint, frontier) / allowed)
    is_alarm = watched.detector.is_alarm(run_length)
    is_covered = coverage is not None and coverage >= setpoint.min_coverage
    state: State = "unknown"
    if is_covered:
        state = "breach" if is_alarm else sampled_state(low, high, setpoint.at_most)
    evidence: dict[str, Any] = {
        "window_start_at": start,
        "window_end_at": frontier,
        "predictions": len(rows),
        "alpha": alpha,
        "change": round(watched.detector.evidence, 6),  # batching moves only digits beyond these
        "change_needed": float(np.log1p(run_length)),
        "is_change": is_alarm,
        "onset_at": watched.detector.onset if is_alarm else start,
    }
    value = sequence.mean if sequence.n else None
    return Reading(
        system=system,
        setpoint=setpoint.name,
        kind="performance",
        at=now,
        value=value,
        low=low if sequence.n else None,
        high=high if sequence.n else None,
        at_most=setpoint.at_most,
        state=state,
        rows=sequence.n,
        coverage=coverage,
        evidence=evidence,
        sentence=_sentence(setpoint, state, value=value, low=low, high=high, coverage=coverage, evidence=evidence),
    )


def read_paired(
    panel: Panel,
    challenger: int,
    champion: int,
    since: Micros,
    *,
    before: Micros | None,
    loss: PairedLoss,
    alpha: float,
) -> PairedEvidence:
    """Difference of losses on rows that both versions scored since an instant, in log order."""
    rows = panel.between(since, np.iinfo(np.int64).max if before is None else before)
    version, other = panel.ints("version")[rows], panel.ints("other_version")[rows]
    answered = (version == challenger) & (other == champion)
    mirrored = (version == champion) & (other == challenger)
    is_pair = (answered | mirrored) & ~np.isnan(panel.floats("other_score")[rows])
    label = panel.floats("label")[rows]
    use = is_pair & ~np.isnan(label)
    score, second = panel.floats("score")[rows][use], panel.floats("other_score")[rows][use]
    scores = np.array([np.where(answered[use], score, second), np.where(answered[use], second, score)])
    if loss == "ranking":
        of_challenger, of_champion = ranking(scores, label[use])
    else:
        of_challenger, of_champion = (LOSSES[loss](one, label[use]) for one in scores)
    sequence = update(ConfidenceSequence(lower=-1.0), of_challenger - of_champion)
    low, high = interval(sequence, alpha)
    return PairedEvidence(
        n=sequence.n,
        mean=sequence.mean if sequence.n else None,
        low=low,
        high=high,
        coverage=float(use.sum() / is_pair.sum()) if is_pair.any() else None,
        challenger_loss=float(of_challenger.mean()) if sequence.n else None,
        champion_loss=float(of_champion.mean()) if sequence.n else None,
        alpha=alpha,
    )


def _labels_a_year(panel: Panel, setpoint: Performance, frontier: int) -> float:
    """At the traffic of the last window: turns false alarms a year into a run length in labels."""
    rows = panel.between(frontier - setpoint.window_us, frontier + 1)
    if not len(rows):
        return 0.0
    span = min(setpoint.window_us, max(DAY, frontier - int(panel.ints("at")[0])))
    return float(np.sum(~np.isnan(panel.floats("label")[rows]))) * _YEAR / span


def _sentence(
    setpoint: Performance,
    state: State,
    *,
    value: float | None,
    low: float,
    high: float,
    coverage: float | None,
    evidence: dict[str, Any],
) -> str:
    if value is None:
        return f"No labelled prediction is old enough yet to say what the {setpoint.loss} is."
    figure = f"{setpoint.loss} {value:.3f} [{low:.3f}, {high:.3f}], at most {setpoint.at_most:g}"
    if coverage is not None and coverage < setpoint.min_coverage:
        return f"{figure}: only {coverage:.0%} of the predictions have a label, {setpoint.min_coverage:.0%} are needed."
    if state == "breach" and evidence["is_change"]:
        return f"{figure}: the loss rose above the setpoint about {iso(evidence['onset_at'])}."
    said = {
        "breach": "the whole interval lies beyond the setpoint",
        "met": "the whole interval lies inside the setpoint",
        "unknown": "the interval straddles the setpoint",
    }
    return f"{figure}: {said[state]}."
