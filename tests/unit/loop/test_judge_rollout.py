"""Whether a rollout goes on: rules of evidence, age and failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.clock import DAY, HOUR
from homeostat.loop.declaration import rollout
from homeostat.loop.rules import judge
from homeostat.monitor.records import PairedEvidence

POLICY = rollout(shadow="1d", canary=[0.1], hold="6h", margin=0.02, timeout="7d")


def paired(low: float, high: float, n: int = 100) -> PairedEvidence:
    return PairedEvidence(
        n=n,
        mean=(low + high) / 2 if n else None,
        low=low,
        high=high,
        coverage=1.0,
        challenger_loss=None,
        champion_loss=None,
        alpha=0.05,
    )


WORSE = paired(0.001, 0.1)
HARMLESS = paired(-0.05, 0.019)
UNKNOWN = paired(-0.1, 0.1)
NO_ROWS = paired(-1.0, 1.0, n=0)
YOUNG, OLD, TOO_OLD = HOUR, 2 * DAY, 7 * DAY

TABLE: dict[str, tuple[PairedEvidence, int, int, str, str]] = {
    "worse": (WORSE, OLD, OLD, "", "rollback"),
    "worse at once": (WORSE, 0, 0, "", "rollback"),
    "worse by less than the margin is still worse": (paired(0.001, 0.01), OLD, OLD, "", "rollback"),
    "harmless and held": (HARMLESS, OLD, OLD, "", "advance"),
    "harmless but young": (HARMLESS, YOUNG, OLD, "", "hold"),
    "harmless at the very end of the stage": (HARMLESS, 6 * HOUR, OLD, "", "advance"),
    "harmless beats the time-out": (HARMLESS, OLD, TOO_OLD, "", "advance"),
    "harmless, too late for its stage": (HARMLESS, YOUNG, TOO_OLD, "", "rollback"),
    "high at the margin is no proof": (paired(-0.05, 0.02), OLD, OLD, "", "hold"),
    "low at zero is no proof": (paired(0.0, 0.1), OLD, OLD, "", "hold"),
    "not shown to be worse never promotes": (UNKNOWN, OLD, OLD, "", "hold"),
    "no verdict in time": (UNKNOWN, OLD, TOO_OLD, "", "rollback"),
    "no labelled row": (NO_ROWS, OLD, OLD, "", "hold"),
    "no labelled row in time": (NO_ROWS, OLD, TOO_OLD, "", "rollback"),
    "it fails, however good": (HARMLESS, OLD, OLD, "out of memory", "rollback"),
}


@pytest.mark.parametrize(("found", "stage_age_us", "rollout_age_us", "failure", "course"), TABLE.values(), ids=TABLE)
def test_course(found: PairedEvidence, stage_age_us: int, rollout_age_us: int, failure: str, course: str) -> None:
    """Each line of the table: evidence, ages, failure, and where the rollout goes."""
    judgement = judge(
        found,
        POLICY,
        stage_age_us=stage_age_us,
        stage_needs_us=POLICY.hold_us,
        rollout_age_us=rollout_age_us,
        failure=failure,
    )

    assert course == judgement.course


def test_sentence_names_figures_and_margin() -> None:
    """The page shows the interval, its rows and the margin it was held to."""
    judgement = judge(HARMLESS, POLICY, stage_age_us=OLD, stage_needs_us=0, rollout_age_us=OLD)

    expected = "The challenger does no harm (difference -0.0155, -0.0500 to +0.0190 on 100 labelled rows; margin 0.02)."
    assert expected == judgement.sentence


def test_failure_is_said_in_the_gateways_words() -> None:
    """A rollback for a failure carries what the gateway said."""
    judgement = judge(UNKNOWN, POLICY, stage_age_us=0, stage_needs_us=0, rollout_age_us=0, failure="out of memory")

    assert "The challenger fails to answer: out of memory" == judgement.sentence


@given(
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted),
    st.integers(0, 10 * DAY),
    st.integers(0, 10 * DAY),
    st.integers(0, 10 * DAY),
)
def test_only_proof_of_no_harm_goes_on(bounds: list[float], age_us: int, needs_us: int, rollout_age_us: int) -> None:
    """Whatever the ages: a challenger goes on only if its whole interval lies below the margin and the stage was held."""
    low, high = bounds

    judgement = judge(
        paired(low, high), POLICY, stage_age_us=age_us, stage_needs_us=needs_us, rollout_age_us=rollout_age_us
    )

    may = low <= 0 and high < POLICY.margin and age_us >= needs_us
    assert may == (judgement.course == "advance")
