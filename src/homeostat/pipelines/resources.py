"""What steps may take of a machine: processors and memory, handed out like tokens.

A step that asks for more than there is gets all of it, and so runs alone.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from homeostat.core.errors import InvalidDeclaration

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)\s*")


def memory_bytes(text: str) -> int:
    """Bytes of a size such as `4 GiB`.

    Raises: InvalidDeclaration naming the text and the units there are.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidDeclaration(
            f"memory={text!r} is no size. Write a number and a unit of {', '.join(_UNITS)}: '4 GiB'."
        )
    return round(float(match[1]) * _UNITS[match[2]])


class Resources:
    """Processors and memory, lent to who works. Safe for threads."""

    def __init__(self, cpus: int, memory: int) -> None:
        """Args: cpus: processors. memory: bytes."""
        self._all = (cpus, memory)
        self._free = (cpus, memory)
        self._changed = threading.Condition()

    @classmethod
    def of_this_machine(cls) -> "Resources":
        """The processors this process may use, and the machine's memory."""
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
        return cls(cpus, memory)

    @contextmanager
    def lent(self, cpus: int, memory: int) -> Iterator[None]:
        """Wait until so much is free, and hold it in this block."""
        taken = min(cpus, self._all[0]), min(memory, self._all[1])
        with self._changed:
            self._changed.wait_for(lambda: all(want <= free for want, free in zip(taken, self._free, strict=True)))
            self._free = self._free[0] - taken[0], self._free[1] - taken[1]
        try:
            yield
        finally:
            with self._changed:
                self._free = self._free[0] + taken[0], self._free[1] + taken[1]
                self._changed.notify_all()
