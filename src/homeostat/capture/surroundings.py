"""Everything around one computation, captured at its start."""

import locale
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from homeostat.capture import generators
from homeostat.capture.code import snapshot
from homeostat.capture.environment import direct_sources, environment
from homeostat.capture.hardware import hardware, variables
from homeostat.core.digests import Digest, canonical_json
from homeostat.store.objects import ObjectStore


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was surrounded by.

    Attributes:
        code: digest of the code tree (`capture.code.Tree`).
        environment: digest of the installed packages (`capture.environment.Environment`).
        hardware: digest of the machine (`capture.hardware.Hardware`).
        argv: command line of the process, as it is.
        variables: environment variables that can change a result.
        entry: what ran, as `module:function`; empty if that has no name.
        sources: package -> where it was installed from, of those that came from no index.
        generators: object with the states of the global random generators.
        settings: `time_zone`, `locale`, `encoding` and `hash_seed` (a number, or `random`) as they are in effect.
    """

    code: Digest
    environment: Digest
    hardware: Digest
    argv: tuple[str, ...]
    variables: dict[str, str]
    entry: str = ""
    sources: dict[str, str] = {}
    generators: Digest = Digest("")
    settings: dict[str, str] = {}


def capture(root: Path, objects: ObjectStore, entry: str = "") -> Surroundings:
    """Capture what surrounds this process.

    Args:
        root: of the project whose code runs.
        objects: where code, environment, hardware and generators are kept.
        entry: what is about to run, as `module:function`.

    Raises: NotFound if `root` is no directory. DiskFull as `objects.put`.
    Cost: 10 to 50 ms when nothing changed since the last time; more when new files are to be written.
    """
    return Surroundings(
        code=snapshot(root, objects),
        environment=environment(objects),
        hardware=objects.put(canonical_json(hardware())),
        argv=tuple(sys.argv),
        variables=variables(),
        entry=entry,
        sources=direct_sources(),
        generators=objects.put(generators.capture()),
        settings=settings(),
    )


def as_json(surroundings: Surroundings) -> dict[str, Any]:
    """As a run keeps them."""
    return dict(msgspec.to_builtins(surroundings))


def settings() -> dict[str, str]:
    """What a process has from its user's or machine's configuration rather than from variables."""
    return {
        "time_zone": "/".join(time.tzname),
        "locale": ".".join(part or "C" for part in locale.getlocale()),
        "encoding": sys.getfilesystemencoding(),
        "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
    }
