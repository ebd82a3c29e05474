"""Two runs side by side: the recorded one and the one made now, each with the stores that hold what it made."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from homeostat.capture.environment import Environment, read_environment
from homeostat.capture.hardware import Hardware
from homeostat.capture.surroundings import Surroundings
from homeostat.codec import tables
from homeostat.codec.models import ModelFile, describe
from homeostat.core.digests import Digest, digest_bytes, digest_of
from homeostat.core.errors import HomeostatError
from homeostat.pipelines import queries as pipeline_queries
from homeostat.pipelines.observation import ABSENT
from homeostat.pipelines.records import Candidate, PipelineRun, Stored
from homeostat.reproduction import rules
from homeostat.reproduction.rebuild import compare_with_recorded
from homeostat.reproduction.records import Difference, Grade, Outcome
from homeostat.store.objects import ObjectStore
from homeostat.track import queries as track_queries

PROBE = compare_with_recorded.name  # the step of ours behind the recorded ones


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run, and where what it made is kept.

    Attributes:
        root: folder of its project as it was left.
    """

    run: PipelineRun
    environment: Environment
    hardware: Hardware
    surroundings: Surroundings
    objects: ObjectStore
    root: Path

    @property
    def candidate(self) -> Candidate | None:
        """What the pipeline returned, by itself or as a part, if it is a candidate."""
        return next((part for part in _parts(self.run.result) if isinstance(part, Candidate)), None)

    @property
    def model(self) -> Digest | None:
        """The model that the pipeline returned, else the last that one of its steps made; None if there is none."""
        returned = [part.model if isinstance(part, Candidate) else part for part in _parts(self.run.result)]
        made = [output for action in reversed(self.run.actions) for output in action.outputs]
        return next((one.blob for one in (*returned, *made) if one.codec == "model"), None)

    def file(self, model: Digest) -> ModelFile:
        return describe(self.objects.read(model))

    def parts(self, code: Digest) -> dict[str, str]:
        """What a step's code is made of: function, constant or package -> digest or version."""
        return msgspec.json.decode(self.objects.read(code), type=dict[str, str])

    def identity(self, stored: Stored) -> Digest:
        """Of a value, whatever code tree its file names: Git lists hidden files, a tree written out has none."""
        if stored.codec in ("list", "tuple", "dict"):
            return digest_of([stored.codec, stored.keys, [self.identity(item) for item in stored.items]])
        if stored.codec != "model" or stored.blob is None:
            return stored.digest
        file = self.file(stored.blob)
        return digest_of([file.canonical, digest_bytes(file.estimator), file.signature, file.transform])


def read_record(connection: Connection, objects: ObjectStore, root: Path, run_id: str) -> Record:
    """A run with what surrounded it.

    Raises: NotFound if there is none of this id, or an object of it is gone.
    """
    run = pipeline_queries.get(connection, run_id)
    surroundings = msgspec.convert(track_queries.get(connection, run_id).surroundings, Surroundings)
    return Record(
        run=run,
        environment=read_environment(run.environment, objects),
        hardware=msgspec.json.decode(objects.read(surroundings.hardware), type=Hardware),
        surroundings=surroundings,
        objects=objects,
        root=root,
    )


def compare(recorded: Record, found: Record) -> list[Difference]:
    """What differs, in the order of the making, up to and including the first step that diverged."""
    return [
        *rules.environment_differences(recorded.environment, found.environment),
        *rules.setting_differences(recorded.surroundings, found.surroundings),
        *rules.hardware_differences(recorded.hardware, found.hardware),
        *compare_steps(recorded, found),
    ]


def compare_steps(recorded: Record, found: Record) -> list[Difference]:
    """What differs in code, inputs and outputs, up to and including the first step that diverged."""
    return rules.step_differences(
        recorded.run.actions,
        [action for action in found.run.actions if action.step != PROBE],
        parts=lambda past, now: (recorded.parts(past), found.parts(now)),
        identity=lambda past, now: (recorded.identity(past), found.identity(now)),
        detail=lambda past, now: _detail(recorded, past, found, now),
        state=lambda name: _state(found.root / name),
    )


def grade_of(recorded: Record, found: Record | None, outcome: Outcome) -> Grade:
    """How alike the two models are; F if there is no second one."""
    if recorded.model is None or found is None or found.model is None or outcome.error:
        return "F"
    before, after = recorded.file(recorded.model), found.file(found.model)
    return rules.grade(
        same_bytes=before.estimator == after.estimator and before.canonical == after.canonical,
        same_canonical=before.canonical == after.canonical,
        probe=outcome.probe,
    )


def _parts(result: Any) -> Iterator[Candidate | Stored]:
    """Candidates and models in what a pipeline returned, in their order."""
    if isinstance(result, Candidate) or (isinstance(result, Stored) and result.codec == "model"):
        yield result
    elif isinstance(result, Stored):
        for item in result.items:
            yield from _parts(item)
    elif isinstance(result, list | tuple | dict):
        for item in result.values() if isinstance(result, dict) else result:
            yield from _parts(item)


def _state(path: Path) -> str:
    """Digest of a file as steps note it, or `absent`."""
    try:
        return digest_bytes(path.read_bytes())
    except OSError:
        return ABSENT


def _detail(recorded: Record, past: Stored, found: Record, now: Stored) -> str:
    """What to say of two values that differ."""
    if past.blob is None or now.blob is None or past.codec != now.codec:
        return ""
    try:
        if past.codec == "model":
            return rules.changed_model(recorded.file(past.blob).canonical, found.file(now.blob).canonical)
        if past.codec == "table":
            before, after = (
                tables.decode(record.objects.read(blob)) for record, blob in ((recorded, past.blob), (found, now.blob))
            )
            if before.rows != after.rows:
                return f"{before.rows} rows → {after.rows}"
            return rules.changed_columns(before.parts.column_roots(), after.parts.column_roots())
    except HomeostatError as error:  # the recorded bytes may be damaged: that is the detail
        return error.message
    return ""
