"""What one generation does with a request, on lanes that answer as told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from homeostat.codec.models import Signature
from homeostat.codec.signatures import Column
from homeostat.core.clock import Micros
from homeostat.core.digests import digest_bytes
from homeostat.core.errors import BadData, InvalidDeclaration, Unavailable, WrongType
from homeostat.serve.endpoint import Answer, Endpoint, Request, joint_signature
from homeostat.serve.frames import encode_columns
from homeostat.serve.log import GroupCommit, ObservationLog
from homeostat.serve.records import Arm, Deployment

SYSTEM = "late-flights"
CHAMPION, CHALLENGER = 1, 2
HOUR = Signature((Column("hour", "int"),))
WIND = Signature((Column("wind", "float"), Column("hour", "int")))


class FakeLane:
    """Scores each row as told by its version, or fails, or takes its time."""

    def __init__(self, version: int, *, error: Exception | None = None, delay_s: float = 0.0) -> None:
        self.version = version
        self.asked: list[list[list[Any]]] = []
        self._error = error
        self._delay_s = delay_s

    def submit(self, payload: msgspec.Raw, rows: int, expires_at: float) -> asyncio.Future[list[float]]:
        self.asked.append(msgspec.msgpack.decode(payload))
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[float]] = loop.create_future()

        def settle() -> None:
            if done.cancelled():
                return
            if self._error is not None:
                done.set_exception(self._error)
            else:
                done.set_result([float(self.version)] * rows)

        loop.call_later(self._delay_s, settle)
        return done


def answered(
    tmp_path: Path,
    champion: FakeLane,
    challenger: FakeLane | None = None,
    *,
    weight: float = 0.0,
    mirrored: bool = False,
    rows: int = 40,
    signatures: Sequence[Signature] = (HOUR, HOUR),
) -> tuple[Answer, list[dict[str, Any]]]:
    """The answer to a request of `rows` rows, and what stands in the log afterwards."""
    arms = [Arm(role="champion", version=CHAMPION, model=digest_bytes(b"1"), weight=1 - weight)]
    lanes = {CHAMPION: champion}
    if challenger is not None:
        arms.append(Arm(role="challenger", version=CHALLENGER, model=digest_bytes(b"2"), weight=weight))
        lanes[CHALLENGER] = challenger
    deployment = Deployment(
        system=SYSTEM, generation=5, arms=tuple(arms), mirrored=mirrored, entity="tail", at=Micros(0), by="test"
    )

    async def ask() -> Answer:
        log = GroupCommit(tmp_path, SYSTEM, "predictions", "g1")
        by_version = dict(zip((CHAMPION, CHALLENGER), signatures, strict=True))
        endpoint = Endpoint(deployment, lanes, by_version, log, shadow_patience_s=0.02)
        asked = [{"hour": n, "wind": n / 2, "tail": f"N{n}"} for n in range(rows)]
        try:
            return await endpoint.answer(Request(rows=asked, entities=(), at=7, begun_s=0.0))
        finally:
            await log.close()

    answer = asyncio.run(ask())
    return answer, ObservationLog(tmp_path).predictions(SYSTEM)[0].to_pylist()


def test_a_champion_alone_answers_all(tmp_path: Path) -> None:
    """Without a challenger every row is the champion's, with propensity 1 and nothing beside it."""
    answer, logged = answered(tmp_path, FakeLane(CHAMPION), rows=3)

    assert ([1.0] * 3, [CHAMPION] * 3, 0) == (answer.scores, answer.versions, answer.shadow_dropped)
    assert [("N0", 5, "champion", 1.0, None), ("N1", 5, "champion", 1.0, None), ("N2", 5, "champion", 1.0, None)] == [
        (row["entity"], row["generation"], row["role"], row["propensity"], row["other_score"]) for row in logged
    ]


def test_a_split_sends_each_row_to_its_arm_only(tmp_path: Path) -> None:
    """Without mirroring a row is scored once, by the arm of its entity, and logged with that arm's weight."""
    champion, challenger = FakeLane(CHAMPION), FakeLane(CHALLENGER)

    answer, logged = answered(tmp_path, champion, challenger, weight=0.25)

    assert [float(version) for version in answer.versions] == answer.scores
    assert list(range(40)) == sorted(champion.asked[0][0] + challenger.asked[0][0])
    assert {("champion", 0.75), ("challenger", 0.25)} == {(row["role"], row["propensity"]) for row in logged}


def test_a_mirrored_row_has_both_scores(tmp_path: Path) -> None:
    """In a mirrored deployment each row is scored by both arms, whoever answers."""
    answer, logged = answered(tmp_path, FakeLane(CHAMPION), FakeLane(CHALLENGER), weight=0.5, mirrored=True)

    assert {CHAMPION, CHALLENGER} == set(answer.versions)
    assert all({row["score"], row["other_score"]} == {1.0, 2.0} for row in logged)
    assert all(row["other_version"] == CHAMPION + CHALLENGER - row["version"] for row in logged)


@pytest.mark.parametrize(
    "challenger",
    [FakeLane(CHALLENGER, delay_s=5.0), FakeLane(CHALLENGER, error=Unavailable("gone"))],
    ids=["slow", "dead"],
)
def test_a_shadow_that_is_slow_or_dead_is_left_out_and_counted(tmp_path: Path, challenger: FakeLane) -> None:
    """The champion's answer does not depend on the shadow's health."""
    answer, logged = answered(tmp_path, FakeLane(CHAMPION), challenger, mirrored=True, rows=4)

    assert ([1.0] * 4, 4) == (answer.scores, answer.shadow_dropped)
    assert [(None, None)] * 4 == [(row["other_score"], row["other_version"]) for row in logged]


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_dead_challenger_falls_back_to_the_champion(tmp_path: Path, mirrored: Any) -> None:
    """The challenger's share is answered by the champion and says so in the log."""
    answer, logged = answered(
        tmp_path,
        FakeLane(CHAMPION),
        FakeLane(CHALLENGER, error=Unavailable("gone")),
        weight=0.5,
        mirrored=mirrored,
    )

    assert {(CHAMPION, 1.0)} == set(zip(answer.versions, answer.scores, strict=True))
    assert {"champion", "fallback"} == {row["role"] for row in logged}


def test_a_dead_champion_fails_the_request_and_logs_nothing(tmp_path: Path) -> None:
    """What is not answered is not in the log."""
    with pytest.raises(Unavailable):
        answered(tmp_path, FakeLane(CHAMPION, error=Unavailable("gone")), FakeLane(CHALLENGER), mirrored=True)

    assert 0 == len(ObservationLog(tmp_path).predictions(SYSTEM)[0])


def test_each_arm_gets_the_columns_of_its_own_signature(tmp_path: Path) -> None:
    """Arms may need different raw columns; the log has all of them."""
    champion, challenger = FakeLane(CHAMPION), FakeLane(CHALLENGER)

    _, logged = answered(tmp_path, champion, challenger, mirrored=True, rows=2, signatures=(HOUR, WIND))

    assert ([[[0, 1]]], [[[0.0, 0.5], [0, 1]]]) == (champion.asked, challenger.asked)
    assert [(0, 0.0), (1, 0.5)] == [(row["in_hour"], row["in_wind"]) for row in logged]


def test_arms_that_contradict_each_other_are_refused() -> None:
    """Two arms cannot need one column in two types."""
    with pytest.raises(InvalidDeclaration, match="'hour' as int and as string"):
        joint_signature(SYSTEM, [HOUR, Signature((Column("hour", "string"),))])


def test_a_request_needs_rows(tmp_path: Path) -> None:
    """A request without rows is refused."""
    with pytest.raises(BadData, match="this one 0"):
        answered(tmp_path, FakeLane(CHAMPION), rows=0)


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    """Such a number is named, not cut."""
    with pytest.raises(WrongType, match=str(2**70)):
        encode_columns([[1, 2**70]])
