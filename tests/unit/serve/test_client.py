"""The gateway's client, against a gateway played by the test."""

import msgspec
import pytest

from homeostat.core.errors import HomeostatError, MissingColumn, NotFound, Overloaded, Unavailable
from homeostat.serve import client as client_module
from homeostat.serve.client import Call, CutOff, Flow, Outcome, Refused, Reply, Tally, Wait
from homeostat.serve.messages import ErrorAnswer, Problem

CALL = Call("/predict/late-flights", b"{}")


def problem(status: int, code: str) -> Reply:
    return Reply(status, msgspec.json.encode(ErrorAnswer(Problem(code, "the reason"))))


def drive(flow: Flow, outcomes: list[Outcome]) -> tuple[bytes, list[float]]:
    """Feed `outcomes` one after the other; the content, and the waits between."""
    waits: list[float] = []
    step = next(flow)
    for outcome in outcomes:
        try:
            step = flow.send(outcome)
        except StopIteration as done:
            return done.value, waits
        if isinstance(step, Wait):
            waits.append(step.seconds)
            assert CALL == flow.send(None)
    raise AssertionError("the flow wants more outcomes")


@pytest.mark.parametrize("refusal", [problem(429, "overloaded"), problem(503, "unavailable"), Refused("refused")])
def test_what_was_surely_not_scored_is_sent_again(refusal: Outcome) -> None:
    """Refused connections, full queues and gateways that are not ready are retried with growing waits."""
    tally = Tally()

    content, waits = drive(client_module._flow(CALL, 10.0, tally), [refusal, refusal, Reply(200, b"ok")])

    assert (b"ok", [0.05, 0.1]) == (content, waits)
    assert (1, 2, 0) == (tally.requests, tally.retries, tally.failures)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (CutOff("cut off"), Unavailable),
        (problem(404, "not-found"), NotFound),
        (problem(422, "missing-column"), MissingColumn),
        (Reply(502, b"<html>"), Unavailable),
    ],
)
def test_what_may_have_been_scored_or_cannot_be_is_not(outcome: Outcome, error: type[HomeostatError]) -> None:
    """A request that was cut off, and one that is wrong, raise at once and count as failed."""
    tally = Tally()

    with pytest.raises(error):
        drive(client_module._flow(CALL, 10.0, tally), [outcome])

    assert (0, 1) == (tally.retries, tally.failures)


def test_patience_ends() -> None:
    """Without patience the first refusal is the last."""
    with pytest.raises(Overloaded, match="the reason"):
        drive(client_module._flow(CALL, 0.0, Tally()), [problem(429, "overloaded")])
