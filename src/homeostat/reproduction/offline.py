"""No network in a process and the Python processes it starts, so that a rebuilt model can owe nothing to it.

Two ways at once. An audit hook, which nothing in the process can take away again, set before anything else runs: it says
in words what was tried. And, where Linux lets a user make one, a network namespace in which there is no network: it also
reaches programs other than Python, and C libraries that open sockets by themselves.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_REFUSED = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"}
)


def go_offline() -> None:
    """Refuse every connection, name lookup and datagram of this process with a PermissionError."""
    sys.addaudithook(_refuse)


def write_startup(folder: Path) -> Path:
    """Write the folder that takes every Python process offline that has it first in PYTHONPATH."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"from {__name__} import go_offline\n\ngo_offline()\n")
    return folder


def isolated() -> list[str]:
    """The words before a command that give it a network namespace of its own; none where that cannot be had."""
    words = ["unshare", "--map-root-user", "--net"]
    if shutil.which(words[0]) is None:
        return []
    return [] if subprocess.run([*words, "true"], capture_output=True, check=False).returncode else words


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _REFUSED:
        told = next((argument for argument in arguments if isinstance(argument, str | tuple)), "")
        raise PermissionError(
            f"The network is off while a model is made again ({event} {told}). "
            f"Read such data before training, as a dataset."
        )
