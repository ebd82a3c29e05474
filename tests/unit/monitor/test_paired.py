"""Paired evidence for a rollout."""

import numpy as np
import pytest

from homeostat.core.clock import DAY, MINUTE, Micros
from homeostat.monitor.service import Monitor
from homeostat.monitor.setpoints import PairedLoss
from monitor_log import MemoryLog

CHAMPION, CHALLENGER = 1, 2


def rollout(log: MemoryLog, start: int, rows: int, *, noise: dict[int, float], share: float = 0.25) -> None:
    """Both score every row; the challenger answers a share. A version's score is the truth and its noise."""
    rng = np.random.default_rng(1)
    for row in range(rows):
        truth = rng.beta(1, 3)
        scores = {version: float(np.clip(truth + rng.normal() * amount, 0, 1)) for version, amount in noise.items()}
        answers, other = (CHALLENGER, CHAMPION) if rng.random() < share else (CHAMPION, CHALLENGER)
        at = start + row * MINUTE
        log.predict(f"r{row}", at, scores[answers], version=answers, other_score=scores[other], other_version=other)
        log.label(f"r{row}", float(rng.random() < truth), at=at + DAY)


@pytest.mark.parametrize("loss", ["brier", "ranking", "error_rate"])
def test_better_challenger_lies_below_zero(monitor: Monitor, log: MemoryLog, start: Micros, loss: PairedLoss) -> None:
    """Against a noisy champion the whole interval of the difference lies below zero, by any loss."""
    rollout(log, start, 4000, noise={CHAMPION: 0.4, CHALLENGER: 0.02})
    monitor.ingest("flights")
    found = monitor.paired("flights", CHALLENGER, CHAMPION, start, loss=loss)
    assert found.high < 0


def test_difference_is_challenger_minus_champion_whoever_answered(
    monitor: Monitor, log: MemoryLog, start: Micros
) -> None:
    """Rows answered by either arm enter with the same sign."""
    fields = {"other_version": CHAMPION, "version": CHALLENGER}
    log.predict("a", start, 0.9, other_score=0.5, **fields)
    log.predict("b", start, 0.5, other_score=0.9, version=CHAMPION, other_version=CHALLENGER)
    for name in ("a", "b"):
        log.label(name, 1.0, at=start)
    monitor.ingest("flights")
    found = monitor.paired("flights", CHALLENGER, CHAMPION, start)
    assert (2, pytest.approx(-0.24), pytest.approx(0.01), pytest.approx(0.25)) == (  # type: ignore[comparison-overlap]
        found.n,
        found.mean,
        found.challenger_loss,
        found.champion_loss,
    )


def test_equal_arms_straddle_zero(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """Two equally noisy versions: the interval holds zero and is narrow."""
    rollout(log, start, 4000, noise={CHAMPION: 0.1, CHALLENGER: 0.1})
    monitor.ingest("flights")
    found = monitor.paired("flights", CHALLENGER, CHAMPION, start)
    assert found.low < 0 < found.high < 0.01


def test_only_rows_of_this_pair_since_then_count(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """Rows without a second score, of another pair, before the rollout, or not matured do not count."""
    pair: dict[str, object] = {"other_score": 0.5, "other_version": CHALLENGER}
    log.predict("before", start - 1, 0.5, **pair)
    log.predict("counts", start, 0.5, **pair)
    log.predict("unlabelled", start, 0.5, **pair)
    log.predict("dropped", start, 0.5, other_version=CHALLENGER)
    log.predict("other", start, 0.5, other_score=0.5, other_version=9)
    log.predict("young", start + DAY, 0.5, **pair)
    for name in ("before", "counts", "dropped", "other", "young"):
        log.label(name, 1.0, at=start)
    monitor.ingest("flights")
    found = monitor.paired("flights", CHALLENGER, CHAMPION, start, matured_before=Micros(start + DAY))
    assert (1, 0.5) == (found.n, found.coverage)


def test_no_rows_say_nothing(monitor: Monitor, start: Micros) -> None:
    """Before the first pair the difference may be anything."""
    found = monitor.paired("flights", CHALLENGER, CHAMPION, start)
    assert (0, None, -1.0, 1.0, None) == (found.n, found.mean, found.low, found.high, found.coverage)
