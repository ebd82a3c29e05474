"""What one generation of a system does with a request: check, split, score, log, answer.

An endpoint never changes. A swap puts another one in its place in one assignment; requests that are on their way finish
on the one they began with.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from homeostat.codec.models import Signature
from homeostat.codec.signatures import Column
from homeostat.core.digests import digest_bytes
from homeostat.core.errors import BadData, HomeostatError, InvalidDeclaration
from homeostat.serve.frames import encode_columns
from homeostat.serve.log import GroupCommit, predictions_schema
from homeostat.serve.records import Deployment
from homeostat.serve.routing import Routing

_ANSWER_WITHIN_S = 30.0  # clients rarely wait longer, and a new worker may take some seconds after two deaths
_MAX_ROWS = 10_000

Scores = Sequence[float | None]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to score.

    Attributes:
        rows: raw fields, one mapping a row.
        entities: one key a row, which decides its arm; empty for the declared column, or else the row itself.
        at: event time, µs.
        begun_s: `time.perf_counter` when the request came.
    """

    rows: Sequence[Mapping[str, Any]]
    entities: Sequence[str]
    at: int
    begun_s: float


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Scores in the order of the rows, each with its id in the log and the version that gave it.

    Attributes:
        shadow_dropped: rows that the shadow did not score in time.
    """

    ids: Sequence[str]
    scores: Sequence[float]
    versions: Sequence[int]
    shadow_dropped: int


class Lane(Protocol):
    """Scores rows with one model; `lanes.Lane`."""

    def submit(self, payload: msgspec.Raw, rows: int, expires_at: float) -> asyncio.Future[list[float]]: ...


class Scorer(msgspec.Struct, frozen=True, kw_only=True):
    """A lane and the columns it needs, as positions in the checked rows; empty when it needs them all."""

    lane: Lane
    positions: tuple[int, ...]


class _Scored(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a request after scoring; a score is None where its arm was not asked or did not answer."""

    columns: list[list[Any]]
    entities: Sequence[str]
    is_trial: list[bool]
    champion: Scores
    challenger: Scores


class Endpoint:
    """Serves one deployment. Belongs to one event loop.

    Args:
        deployment: what to serve.
        lanes: started, by version; one for each arm.
        signatures: of their models, by version.
        log: the system's predictions.
        shadow_patience_s: how long an answer waits for a shadow that is slower than it. Long in a replay, where evidence must not
            depend on the machine's speed.
    """

    def __init__(
        self,
        deployment: Deployment,
        lanes: Mapping[int, Lane],
        signatures: Mapping[int, Signature],
        log: GroupCommit,
        *,
        shadow_patience_s: float,
    ) -> None:
        self.deployment = deployment
        self.signature = joint_signature(deployment.system, [signatures[arm.version] for arm in deployment.arms])
        self.schema: pa.Schema = predictions_schema((column.name, column.type) for column in self.signature.columns)
        self._routing = Routing.of(deployment)
        self._log = log
        self._shadow_patience_s = shadow_patience_s
        trial = deployment.challenger
        # A challenger that answers nobody and is not mirrored has nothing to do.
        is_asked = trial is not None and (trial.weight > 0 or deployment.mirrored)
        self._champion = self._scorer(lanes, signatures, deployment.champion.version)
        self._challenger = self._scorer(lanes, signatures, trial.version) if trial and is_asked else None

    async def answer(self, request: Request) -> Answer:
        """Score and log the rows.

        Raises: MissingColumn or WrongType naming column and row. BadData for no rows, too many, or entities that do
            not match. Overloaded, Unavailable or StepFailed as the champion's lane. DiskFull if the log has no room.
        """
        if not 0 < len(request.rows) <= _MAX_ROWS:
            raise BadData(f"A request holds 1 to {_MAX_ROWS} rows, this one {len(request.rows)}.")
        columns = self.signature.check(request.rows)
        entities = self._entities(request)
        is_trial = [self._routing.arm_of(entity).role == "challenger" for entity in entities]
        if self._challenger is None:
            champion: Scores = await self._ask(self._champion, columns, None)
            challenger: Scores = [None] * len(champion)
        elif self.deployment.mirrored:
            champion, challenger = await self._mirrored(self._challenger, columns, needs_both=any(is_trial))
        else:
            champion, challenger = await self._split(self._challenger, columns, is_trial)
        scored = _Scored(
            columns=columns, entities=entities, is_trial=is_trial, champion=champion, challenger=challenger
        )
        return await self._logged(request, scored)

    async def _mirrored(
        self, challenger: Scorer, columns: list[list[Any]], *, needs_both: bool
    ) -> tuple[Scores, Scores]:
        """Every row by both arms; the shadow's scores are None if they do not come in time."""
        shadow = asyncio.ensure_future(self._ask(challenger, columns, None))
        try:
            champion = await self._ask(self._champion, columns, None)
            await asyncio.wait([shadow], timeout=_ANSWER_WITHIN_S if needs_both else self._shadow_patience_s)
        finally:
            is_in_time = shadow.done()
            shadow.cancel()
            (outcome,) = await asyncio.gather(shadow, return_exceptions=True)
        if is_in_time and isinstance(outcome, list):
            return champion, outcome
        return champion, [None] * len(champion)

    async def _split(self, challenger: Scorer, columns: list[list[Any]], is_trial: list[bool]) -> tuple[Scores, Scores]:
        """Each row by its arm; what the challenger cannot answer falls back to the champion."""
        trial_rows = [row for row, trial in enumerate(is_trial) if trial]
        champion_rows = [row for row, trial in enumerate(is_trial) if not trial]
        champion: list[float | None] = [None] * len(is_trial)
        challenger_scores: list[float | None] = [None] * len(is_trial)
        trial, settled = await asyncio.gather(
            self._ask(challenger, columns, trial_rows),
            self._ask(self._champion, columns, champion_rows),
            return_exceptions=True,
        )
        if isinstance(settled, BaseException):
            raise settled
        _place(champion, champion_rows, settled)
        if isinstance(trial, HomeostatError):
            _place(champion, trial_rows, await self._ask(self._champion, columns, trial_rows))
        elif isinstance(trial, BaseException):
            raise trial
        else:
            _place(challenger_scores, trial_rows, trial)
        return champion, challenger_scores

    async def _ask(self, scorer: Scorer, columns: list[list[Any]], rows: list[int] | None) -> list[float]:
        """Scores of `rows`, or of all."""
        if rows is not None and not rows:
            return []
        needed = [columns[position] for position in scorer.positions] if scorer.positions else columns
        if rows is not None:
            needed = [[column[row] for row in rows] for column in needed]
        expires_at = time.monotonic() + _ANSWER_WITHIN_S
        return await scorer.lane.submit(encode_columns(needed), len(needed[0]), expires_at)

    async def _logged(self, request: Request, scored: _Scored) -> Answer:
        """Write one log row a request row, then answer."""
        count = len(scored.entities)
        is_trial = scored.is_trial
        first = self.deployment.champion
        trial = self.deployment.challenger or first
        by_trial = [wanted and score is not None for wanted, score in zip(is_trial, scored.challenger, strict=True)]
        pairs = list(zip(by_trial, scored.champion, scored.challenger, strict=True))
        answered = [theirs if is_theirs else ours for is_theirs, ours, theirs in pairs]
        scores = [score for score in answered if score is not None]
        assert len(scores) == count
        others = [ours if is_theirs else theirs for is_theirs, ours, theirs in pairs]
        versions = [trial.version if is_theirs else first.version for is_theirs in by_trial]
        roles = [
            trial.role if is_theirs else "fallback" if wanted else first.role
            for is_theirs, wanted in zip(by_trial, is_trial, strict=True)
        ]
        other_versions = [
            None if other is None else first.version if is_theirs else trial.version
            for is_theirs, other in zip(by_trial, others, strict=True)
        ]
        ids = await self._log.append(
            self.schema,
            [
                [secrets.token_hex(8)] * count,
                [request.at] * count,
                [time.time()] * count,
                [self.deployment.generation] * count,
                versions,
                roles,
                [trial.weight if wanted else first.weight for wanted in is_trial],
                list(scored.entities),
                scores,
                others,
                other_versions,
                [(time.perf_counter() - request.begun_s) * 1e3] * count,
                *map(_as_logged, self.signature.columns, scored.columns),
            ],
        )
        dropped = others.count(None) if self.deployment.mirrored else 0
        return Answer(ids=ids, scores=scores, versions=versions, shadow_dropped=dropped)

    def _entities(self, request: Request) -> Sequence[str]:
        if request.entities:
            if len(request.entities) != len(request.rows):
                raise BadData(
                    f"The request has {len(request.rows)} rows and {len(request.entities)} entities; each row needs one."
                )
            return request.entities
        key = self.deployment.entity
        if key:
            return [str(row.get(key, "")) for row in request.rows]
        # The row is its own entity: the same row reaches the same arm, also in a replay.
        return [digest_bytes(msgspec.json.encode(row))[:16] for row in request.rows]

    def _scorer(self, lanes: Mapping[int, Lane], signatures: Mapping[int, Signature], version: int) -> Scorer:
        names = self.signature.names
        needed = signatures[version].names
        return Scorer(
            lane=lanes[version], positions=() if needed == names else tuple(names.index(name) for name in needed)
        )


def joint_signature(system: str, signatures: Sequence[Signature]) -> Signature:
    """The columns that any of `signatures` needs.

    Raises: InvalidDeclaration if two need the same column in different types.
    """
    joint: dict[str, Column] = {}
    for signature in signatures:
        for column in signature.columns:
            known = joint.setdefault(column.name, column)
            if known.type != column.type:
                raise InvalidDeclaration(
                    f"The arms of {system} need column {column.name!r} as {known.type} and as {column.type}. "
                    f"Train the challenger on the type of the champion, or deploy it alone."
                )
    return Signature(tuple(joint.values()))


def _as_logged(column: Column, values: list[Any]) -> list[Any]:
    """JSON values as the log holds them."""
    return [msgspec.json.encode(value) for value in values] if column.type in ("json", "row") else values


def _place(into: list[float | None], rows: Sequence[int], scores: Sequence[float]) -> None:
    for row, score in zip(rows, scores, strict=True):
        into[row] = score
