"""What a source tells, and what came of an import. Instants are in microseconds, as everywhere here."""

from typing import Literal, NamedTuple

import msgspec

from homeostat.core.clock import Micros
from homeostat.registry.logged import LoggedStatus, Metric
from homeostat.track.records import DatasetInput, ModelOutput, RunStatus

Kind = Literal["experiment", "run", "model", "registered model", "version"]


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    is_deleted: bool
    created_at: Micros
    updated_at: Micros
    tags: dict[str, str]


class Newest(NamedTuple):
    """The newest point of a metric; `value` is a text, for NaN and infinities."""

    key: str
    step: int
    at: Micros
    value: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """`root`: where its artifacts lie. `metrics`: one of each key there is."""

    id: str
    experiment: str
    name: str
    user: str
    status: RunStatus
    started_at: Micros
    finished_at: Micros | None
    is_deleted: bool
    root: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: tuple[Newest, ...]
    datasets: tuple[DatasetInput, ...] = ()
    models: tuple[str, ...] = ()
    outputs: tuple[ModelOutput, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.status in {"finished", "failed", "killed"}


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model. `root`: where its files lie."""

    id: str
    experiment: str
    name: str
    model_type: str
    source_run_id: str
    status: LoggedStatus
    status_message: str
    created_at: Micros
    updated_at: Micros
    is_deleted: bool
    root: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: tuple[Metric, ...] = ()


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a registered model. `status` is empty if it is ready."""

    number: int
    created_at: Micros
    updated_at: Micros
    description: str
    user: str
    stage: str
    source: str
    run_id: str
    run_link: str
    model_id: str
    status: str
    tags: dict[str, str]


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model. `last_number`: the greatest that is known to have been given to a version, deleted ones too."""

    name: str
    description: str
    created_at: Micros
    updated_at: Micros
    tags: dict[str, str]
    aliases: dict[str, int]
    versions: tuple[Version, ...]
    last_number: int


class File(NamedTuple):
    """`name`: a path with `/` below the root it was listed of. `size_bytes`: None if the source does not say."""

    name: str
    size_bytes: int | None


class Owner(NamedTuple):
    """Whose files: `kind` is `run` or `model`; `root` is where they lie."""

    kind: Literal["run", "model"]
    id: str
    root: str


class Unreadable(NamedTuple):
    """Something there that cannot be read, and why."""

    kind: str
    id: str
    why: str


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a kind there are there, and of these here."""

    kind: str
    there: int
    here: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is there and not here, or otherwise here, or cannot be read."""

    kind: str
    id: str
    what: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found, brought and compared.

    Attributes:
        counts: by kind; those below runs and models are of what was read this time.
        fresh, changed, unchanged: runs and logged models that were not here, that were read again, and that the source tells as it
            told them when they were brought and compared.
        bytes: of files that were fetched.
        differences: the first thousand; `differing` says how many there are.
        left_out: what was not brought, by kind, as `Source.left_out` has it.
    """

    source: str
    counts: tuple[Count, ...]
    fresh: int
    changed: int
    unchanged: int
    bytes: int
    differences: tuple[Difference, ...]
    differing: int
    left_out: dict[str, int]
    is_dry: bool = False
