"""Everything around one computation, captured at its start."""

import sys
from pathlib import Path

import msgspec

from homeostat.capture.code import snapshot
from homeostat.capture.environment import environment
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
    """

    code: Digest
    environment: Digest
    hardware: Digest
    argv: tuple[str, ...]
    variables: dict[str, str]


def capture(root: Path, objects: ObjectStore) -> Surroundings:
    """Capture what surrounds this process.

    Args:
        root: of the project whose code runs.
        objects: where code, environment and hardware are kept.

    Raises: NotFound if `root` is no directory. DiskFull as `objects.put`.
    Cost: 10 to 50 ms when nothing changed since the last time; more when new files are to be written.
    """
    return Surroundings(
        code=snapshot(root, objects),
        environment=environment(objects),
        hardware=objects.put(canonical_json(hardware())),
        argv=tuple(sys.argv),
        variables=variables(),
    )
