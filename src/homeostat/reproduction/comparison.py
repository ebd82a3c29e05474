"""Two runs side by side: the recorded one and the one made now, each with the stores that hold what it made."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from homeostat.capture.environment import Environment, read_environment
from homeostat.capture.hardware import Hardware
from homeostat.codec import tables
from homeostat.codec.models import ModelFile, describe
from homeostat.core.digests import Digest, digest_bytes, digest_of
from homeostat.core.errors import HomeostatError
from homeostat.pipelines import Candidate
from homeostat.pipelines import queries as pipeline_queries
from homeostat.pipelines.records import PipelineRun, Stored
from homeostat.reproduction import rules
from homeostat.reproduction.records import Difference, Grade, Probe
from homeostat.store.objects import ObjectStore
from homeostat.track import queries as track_queries


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run, and where what it made is kept."""

    run: PipelineRun
    environment: Environment
    hardware: Hardware
    variables: Mapping[str, str]
    objects: ObjectStore

    @property
    def model(self) -> Digest | None:
        """The model that the pipeline returned, if it came so far."""
        candidate = self.run.result.get("candidate") if isinstance(self.run.result, dict) else None
        return candidate.model.digest if isinstance(candidate, Candidate) else None

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


def read_record(connection: Connection, objects: ObjectStore, run_id: str) -> Record:
    """A run with what surrounded it.

    Raises: NotFound if there is none of this id, or an object of it is gone.
    """
    run = pipeline_queries.get(connection, run_id)
    surroundings = track_queries.get(connection, run_id).surroundings
    return Record(
        run=run,
        environment=read_environment(run.environment, objects),
        hardware=msgspec.json.decode(objects.read(surroundings["hardware"]), type=Hardware),
        variables=surroundings["variables"],
        objects=objects,
    )


def compare(recorded: Record, found: Record) -> list[Difference]:
    """What differs, in the order of the making, up to and including the first step that diverged."""
    environment = rules.environment_differences(recorded.environment, found.environment)
    hardware = rules.hardware_differences(recorded.hardware, found.hardware)
    last = len(found.run.actions) - (found.model is not None)  # behind a model that came out stands the probe
    steps = rules.step_differences(
        recorded.run.actions,
        found.run.actions[:last],
        parts=lambda past, now: (recorded.parts(past), found.parts(now)),
        identity=lambda past, now: (recorded.identity(past), found.identity(now)),
        detail=lambda past, now: _detail(recorded, past, found, now),
    )
    return [*environment, *hardware, *steps]


def grade_of(recorded: Record, found: Record | None, probe: Probe | None) -> Grade:
    """How alike the two models are; F if there is no second one."""
    if recorded.model is None or found is None or found.model is None or probe is None:
        return "F"
    before, after = recorded.file(recorded.model), found.file(found.model)
    return rules.grade(
        same_bytes=before.estimator == after.estimator and before.canonical == after.canonical,
        same_canonical=before.canonical == after.canonical,
        probe=probe,
    )


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
