"""Model versions with their gates and approvals."""

from typing import ClassVar, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.records import Event
from homeostat.ui.contexts.shared import Context, Pair

GateStatus = Literal["passed", "failed", "waived", "pending", "not_applicable"]
ApprovalStatus = Literal["not_needed", "requested", "granted", "denied", "void"]


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A gate's judgement of one model version.

    Attributes:
        name: as declared.
        status: passed, failed, waived, pending or not applicable.
        value: measured, or None.
        low: lower end of its interval, or None.
        high: upper end, or None.
        needed: the requirement, in words.
        rows: it was judged on.
        sentence: the judgement.
    """

    name: str
    status: GateStatus
    needed: str
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int = 0


class Reproduced(msgspec.Struct, frozen=True, kw_only=True):
    """What came of making a model again.

    Attributes:
        grade: A (the same bytes) to D (the same metrics), or F.
        sentence: the same in words, with the first difference.
        at: when it was kept.
        packages: where those it was made with came from, in words.
        differences: what was not as recorded, in the order of the making, in words.
        cause: what it depends on, as far as factors were changed to find out; or empty.
    """

    grade: str
    sentence: str
    at: Micros
    packages: str
    differences: tuple[str, ...] = ()
    cause: str = ""


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model version in the registry.

    Attributes:
        system: it belongs to.
        number: of the version.
        digest: of its bytes.
        aliases: names that point at it now, such as `champion`.
        status: such as candidate, champion, retired, rejected.
        created_at: when it was registered.
        metrics: on its holdout.
        gates_passed: gates that passed or were waived.
        gates_total: gates that apply.
        approval: where its approval stands.
        trigger: why it was trained.
        grade: of its newest reproduction, or empty.
    """

    system: str
    number: int
    digest: str
    aliases: tuple[str, ...]
    status: str
    created_at: Micros
    metrics: tuple[Pair, ...] = ()
    gates_passed: int = 0
    gates_total: int = 0
    approval: ApprovalStatus = "not_needed"
    trigger: str = ""
    grade: str = ""


class ModelsPage(Context, frozen=True, kw_only=True):
    """Which models are there, and which may ship?

    Attributes:
        sentence: champions and what waits.
        models: newest first.
        systems: names to filter by.
        system: filter that stands, or empty.
        older: cursor of the next page, or None at the end.
    """

    template: ClassVar[str] = "models.html"

    sentence: str
    models: tuple[ModelRow, ...]
    systems: tuple[str, ...]
    system: str = ""
    older: int | None = None


class ModelPage(Context, frozen=True, kw_only=True):
    """Can I trust this model, may it ship?

    Attributes:
        sentence: the answer.
        model: the version.
        gates: its gate report; empty before it was judged.
        approval_sentence: who approved what and when, or what is waited for; empty if none is needed.
        provenance: run, data, code, environment.
        history: where it served.
        reproduced: what came of making it again, or None.
    """

    template: ClassVar[str] = "model.html"

    sentence: str
    model: ModelRow
    gates: tuple[Gate, ...]
    approval_sentence: str
    provenance: tuple[Pair, ...]
    history: tuple[Event, ...]
    reproduced: Reproduced | None = None
