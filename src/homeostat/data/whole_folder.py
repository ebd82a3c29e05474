"""A directory that is there when all of it is: filled beside its place under a hidden name, and moved there at the end."""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from homeostat.core.errors import AlreadyExists


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A directory to fill, which takes the place `to` if the block ends well, and else is gone.

    What a killed process left beside `to` goes first. Its owner holds a lock on it, which the system gives up when the process ends,
    however it ends; on a file system without locks it stays.

    Raises: AlreadyExists if there is something at `to`, an empty directory aside.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise AlreadyExists(f"{to} is there already, and not empty. Name a directory that is new.")
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    with _opened(to.parent) as parent:
        _lock(parent, fcntl.LOCK_EX)  # nobody takes a folder for abandoned before its owner has locked it
        _clear(to)
        beside.mkdir()
        owned = os.open(beside, os.O_RDONLY | os.O_CLOEXEC)
        _lock(owned, fcntl.LOCK_EX)
    try:
        yield beside
        beside.replace(to)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        os.close(owned)


def _clear(to: Path) -> None:
    """Delete what was to become `to` and has no owner any more."""
    hidden = re.compile(rf"\.{re.escape(to.name)}\.[0-9a-f]{{8}}")
    for left in to.parent.iterdir():
        if hidden.fullmatch(left.name) and left.is_dir() and not left.is_symlink():
            with suppress(FileNotFoundError), _opened(left) as descriptor:
                if _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    """Whether the lock is ours: somebody else may have it, or the file system knows none."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True
