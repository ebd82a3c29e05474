"""What the pipeline room knows: stored values, actions, pipeline runs, and why a step ran."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.ids import ActionId

ActionStatus = Literal["ran", "cached", "failed"]
Repeated = Literal["", "same", "differs"]
RunStatus = Literal["running", "finished", "failed"]


class Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="stored"):
    """A value by its identity, and where its bytes are.

    Attributes:
        codec: `table`, `dataset`, `model`, `array`, `bytes`, `value` (plain data) or `list`, `tuple`, `dict` of others.
        digest: its identity, which keys of later steps are made of; for a table the id of its rows.
        blob: the object that holds its bytes.
        inline: its bytes, when they are few.
        node: where it stands in the lineage; empty for plain arguments.
        origin: lineage nodes it was taken from, such as `dataset:flights@12`. An argument with an origin has no blob.
        keys, items: the content of a list, tuple or dict.
        columns: of a table the beginning of each column's digest, so that `why` can name the one that changed.
    """

    codec: str
    digest: Digest
    blob: Digest | None = None
    inline: bytes | None = None
    node: str = ""
    origin: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    items: tuple["Stored", ...] = ()
    columns: dict[str, str] = {}

    @property
    def is_group(self) -> bool:
        """Whether it is a list, tuple or dict of others."""
        return self.codec in ("list", "tuple", "dict")

    def leaves(self) -> Iterator["Stored"]:
        """The values in it that are no groups, depth first; itself if it is none."""
        if self.is_group:
            for item in self.items:
                yield from item.leaves()
        else:
            yield self


class Candidate(msgspec.Struct, frozen=True, kw_only=True, tag="candidate"):
    """What a training pipeline returns: a model and the rows to judge it on.

    In the result of a tracked run, `model`, `holdout` and `reference` are `Stored`.

    Attributes:
        model: what the training step returned.
        holdout: labelled rows that the training did not see, newer than those it saw.
        label: the column that says what really happened.
        reference: rows that what the model is asked later is compared with, to find drift; usually those it learned from.
            None: the first days served.
    """

    model: Any
    holdout: Any
    label: str
    reference: Any = None


class FileState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file, or the names in a folder, as a step found it.

    Attributes:
        digest: of the content, or `absent`; `changed meanwhile` if no digest can stand for it.
        marks: size, times of change (ns) and inode; while they stand the content does. Empty if they do not vouch for it.
    """

    digest: str
    marks: tuple[int, ...] = ()


class Observed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a step read beside its arguments.

    Attributes:
        files: by path, relative where inside the project; folders that were listed end with a slash.
        variables: environment variables by name, as digests: they may be secrets; `absent` if not set.
        sockets: `host:port` or addresses it connected to.
        programs: names of programs it started; of what they read only their own files and arguments are known.
    """

    files: dict[str, FileState] = {}
    variables: dict[str, str] = {}
    sockets: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """All of it for people, a line each: `file settings.yaml`, `network example.org:443`."""
        read = (
            ("file", self.files),
            ("variable", self.variables),
            ("network", self.sockets),
            ("program", self.programs),
        )
        return [f"{kind} {name}" for kind, names in read for name in names]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a step in a run.

    Attributes:
        position: which call of this step in its run, from 0.
        made_by: the action that made the outputs: itself, or the one a cached action repeats.
        code: digest of the code, and the object that lists its parts.
        variables: environment variables the step declares.
        observed: what it read beside its arguments; a result stands while that does.
        error: the last line of what the step raised.
        repeated: what came of running it a second time: `same` or `differs`; empty if nobody asked.
    """

    id: ActionId
    run_id: str
    pipeline: str
    step: str
    position: int
    key: Digest
    status: ActionStatus
    made_by: ActionId
    outputs: tuple[Stored, ...]
    arguments: dict[str, Stored]
    code: Digest
    environment: Digest
    variables: dict[str, str]
    observed: Observed
    error: str
    repeated: Repeated = ""
    at: Micros
    started_wall: float
    finished_wall: float


class PipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a pipeline.

    Attributes:
        result: what the pipeline returned, with `Stored` in place of what its steps made.
        code_tree: digest of the project's files as they were.
    """

    id: str
    pipeline: str
    system: str
    actor: str
    status: RunStatus
    arguments: dict[str, Stored]
    result: Any
    code_tree: Digest
    environment: Digest
    error: str
    started_at: Micros
    started_wall: float
    finished_wall: float | None
    actions: tuple[Action, ...]


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a pipeline in a list.

    Attributes:
        ran, cached, failed: how many calls of its steps did.
    """

    id: str
    pipeline: str
    system: str
    actor: str
    status: RunStatus
    started_at: Micros
    started_wall: float
    finished_wall: float | None
    ran: int = 0
    cached: int = 0
    failed: int = 0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two calls of a step.

    Attributes:
        kind: `argument`, `column`, `function`, `signature`, `class`, `constant`, `module`, `import`, `source`, `file`,
            `variable`, `package`, `python` or `environment`.
        before, after: short values, versions or digests; empty if there was or is none.
    """

    kind: str
    name: str
    before: str
    after: str


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step ran, or did not.

    Attributes:
        previous_run_id: the run it is compared with; empty if this was the first.
        observed: what the step read beside its arguments, or what read who made the result that was found.
        repeated: whether a second time made the same, if somebody asked.
    """

    step: str
    run_id: str
    previous_run_id: str
    status: ActionStatus
    changes: tuple[Change, ...]
    sentence: str
    observed: Observed
    repeated: Repeated
