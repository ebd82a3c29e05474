"""Everything that can go wrong, as one tree.

HomeostatError
├── UserError                 the caller can mend it; nothing was changed
│   ├── InvalidName           a name, ref or id that cannot be one
│   │   └── InvalidDigest
│   ├── InvalidDuration
│   ├── InvalidDeclaration    a system, step, gate, contract or setpoint that contradicts itself
│   ├── InvalidFilter         a filter or order of a search that cannot be read
│   ├── NotFound              dataset, run, model, system, step ... that is not there
│   ├── AlreadyExists
│   ├── BadData               rows or columns that do not fit
│   │   ├── MissingColumn
│   │   ├── WrongType
│   │   └── ContractViolated  a contract blocked an append; the rows are in quarantine
│   ├── MergeConflict         two branches did different things to one row; nothing was changed
│   ├── EdgesMismatch         histograms over different edges
│   ├── EmptyWindow           a statistic of no rows
│   ├── NotAllowed            the policy forbids it (gate, approval, budget)
│   │   ├── GateBlocked
│   │   └── ApprovalNeeded
│   └── PortInUse
├── StateError                the workspace is not as it must be
│   ├── NoWorkspace
│   ├── NewerWorkspace        written by a later version of Homeostat
│   ├── CorruptObject         bytes that are not what their digest says
│   └── Fenced                somebody else took over this lease; the commit was refused and nothing was written
├── ResourceError             the machine cannot do it now; a retry may work
│   ├── DiskFull
│   ├── Unavailable           a worker or service that does not answer
│   └── Overloaded            the queue is full; `retry_after_s` says when to come back
└── StepFailed                the user's code raised; the cause is attached

Each class has a stable `code`, part of the API. HTTP statuses and exit codes are mapped in the doors only.
A message says what, with which values, why, and what to do next. Errors survive a pickle round trip.
"""

from typing import ClassVar


class HomeostatError(Exception):
    """Root of the tree."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UserError(HomeostatError):
    code = "invalid"


class InvalidName(UserError):
    code = "invalid-name"


class InvalidDigest(InvalidName):
    code = "invalid-digest"


class InvalidDuration(UserError):
    code = "invalid-duration"


class InvalidDeclaration(UserError):
    code = "invalid-declaration"


class InvalidFilter(UserError):
    """`position`: of the first character that cannot be read, from 0; None if it is not about one."""

    code = "invalid-filter"

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class NotFound(UserError):
    code = "not-found"


class AlreadyExists(UserError):
    code = "already-exists"


class BadData(UserError):
    code = "bad-data"


class MissingColumn(BadData):
    code = "missing-column"


class WrongType(BadData):
    code = "wrong-type"


class ContractViolated(BadData):
    code = "contract-violated"


class MergeConflict(UserError):
    code = "merge-conflict"


class EdgesMismatch(UserError):
    code = "edges-mismatch"


class EmptyWindow(UserError):
    code = "empty-window"


class NotAllowed(UserError):
    code = "not-allowed"


class GateBlocked(NotAllowed):
    code = "gate-blocked"


class ApprovalNeeded(NotAllowed):
    code = "approval-needed"


class PortInUse(UserError):
    code = "port-in-use"


class StateError(HomeostatError):
    code = "state"


class NoWorkspace(StateError):
    code = "no-workspace"


class NewerWorkspace(StateError):
    code = "newer-workspace"


class CorruptObject(StateError):
    code = "corrupt-object"


class Fenced(StateError):
    code = "fenced"


class ResourceError(HomeostatError):
    code = "resource"


class DiskFull(ResourceError):
    code = "disk-full"


class Unavailable(ResourceError):
    code = "unavailable"


class Overloaded(ResourceError):
    code = "overloaded"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[type["Overloaded"], tuple[str, float]]:
        return (type(self), (self.message, self.retry_after_s))


class StepFailed(HomeostatError):
    code = "step-failed"
