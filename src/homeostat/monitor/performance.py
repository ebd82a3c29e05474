"""Realised performance against its setpoint: an interval of the loss, and a detector of its change.

Judged are predictions old enough that their labels should be in. Two watchers share the false alarms that the setpoint
allows in a year, half each: a confidence sequence over the rows of the present window, which says at what loss the
model ran, and an e-SR change detector over daily mean losses since the champion took over, which adds up what each
window by itself leaves unknown.

Windows begin on a fixed grid and the judged span reaches back one to two of them: so there is one sequence for each
window of a year, each may be looked at any number of times, and their errors add up to what was declared. A window
that slid with every look would be a new test each time.

The detector takes days, not rows: losses of one evening share its storm. Row by row it called a breach on 158 of 323 days
of the flights of 2013, for a model retrained every second week and a setpoint of 0.19; by days both together call 41.
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
_BLOCK = DAY  # what makes losses alike, such as weather and rush hours, mostly comes and goes within a day
_LARGEST_ALPHA = 0.5


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """How far a change detector has come: it has seen the days before `next_at`, counted from `since`."""

    since: Micros
    next_at: int
    detector: ChangeDetector


def watch(panel: Panel, setpoint: Performance, since: Micros, now: Micros, before: Watch | None) -> Watch:
    """The change detector over the days since the champion took over, brought up to `now`.

    A day is taken once its labels should be in, with the labels that were first said by then: so the state is a function
    of log and instant, whenever it was asked before.
    """
    if before is None or before.since != since or before.next_at + setpoint.label_delay_us > now:
        before = Watch(since=since, next_at=since, detector=change_detector.detector(setpoint.at_most))
    if not panel.rows:
        return before
    means, starts = [], []
    days_before_any = max(0, (int(panel.ints("at")[0]) - before.next_at) // _BLOCK)
    next_at = before.next_at + days_before_any * _BLOCK
    while next_at + _BLOCK + setpoint.label_delay_us <= now:
        rows = panel.between(next_at, next_at + _BLOCK)
        rows = rows[panel.ints("first_label_at")[rows] <= next_at + _BLOCK + setpoint.label_delay_us]
        if len(rows):
            losses = LOSSES[setpoint.loss](panel.floats("score")[rows], panel.floats("first_label")[rows])
            means.append(float(losses.mean()))
            starts.append(next_at)
        next_at += _BLOCK
    return Watch(
        since=since,
        next_at=next_at,
        detector=change_detector.update(before.detector, np.array(means), np.array(starts, dtype=np.int64)),
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
    run_length = _YEAR / _BLOCK / (setpoint.false_alarms_per_year / 2)
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
        "onset_at": watched.detector.onset if watched.detector.n else start,
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
    if state == "breach" and low <= setpoint.at_most:
        return f"{figure}: day by day the loss stands above the setpoint since about {iso(evidence['onset_at'])}."
    said = {
        "breach": "the whole interval lies beyond the setpoint",
        "met": "the whole interval lies inside the setpoint",
        "unknown": "the interval straddles the setpoint",
    }
    return f"{figure}: {said[state]}."
