"""What happens to runs."""

from typing import ClassVar

from homeostat.core.facts import Fact
from homeostat.core.ids import RunId


class RunStarted(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "run-started"

    run_id: RunId
    name: str


class RunFinished(Fact, frozen=True, kw_only=True):
    """`status`: finished, failed or killed."""

    kind: ClassVar[str] = "run-finished"

    run_id: RunId
    name: str
    status: str
    error: str = ""


class RunsDeleted(Fact, frozen=True, kw_only=True):
    """Thrown away by somebody; they can be restored."""

    kind: ClassVar[str] = "runs-deleted"

    run_ids: tuple[str, ...]


class RunsRestored(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "runs-restored"

    run_ids: tuple[str, ...]


class RunsTagged(Fact, frozen=True, kw_only=True):
    """Tagged by somebody else than the runs themselves. `value` is None if the tag was taken away."""

    kind: ClassVar[str] = "runs-tagged"

    run_ids: tuple[str, ...]
    key: str
    value: str | None


class RunNoted(Fact, frozen=True, kw_only=True):
    """Somebody else than the run itself wrote its note."""

    kind: ClassVar[str] = "run-noted"

    run_id: str
    text: str


class RunNamed(Fact, frozen=True, kw_only=True):
    """Somebody gave the run another name."""

    kind: ClassVar[str] = "run-named"

    run_id: str
    name: str
    before: str
