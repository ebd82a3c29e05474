"""What all pages share."""

from typing import ClassVar

import msgspec

from homeostat.core.clock import Micros


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Base of page contexts.

    Attributes:
        template: file in `templates/`.
        project: name of the workspace's project.
        now: event time of the workspace when the page was read.
        is_replay: event time is a replay's, not the wall's.
    """

    template: ClassVar[str]

    project: str
    now: Micros
    is_replay: bool = False


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A named value, already text: a parameter, a figure of evidence, a digest of provenance.

    Attributes:
        name: what it is.
        value: as it reads.
        href: page of the object, or empty.
        is_digest: shown short and in monospace, whole on copy.
    """

    name: str
    value: str
    href: str = ""
    is_digest: bool = False


class ErrorPage(Context, frozen=True, kw_only=True):
    """What went wrong, why, and what to do next.

    Attributes:
        status: of HTTP.
        code: stable name of the error.
        message: what, why, what next.
    """

    template: ClassVar[str] = "error.html"

    status: int
    code: str
    message: str
