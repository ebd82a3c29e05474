"""Copying large files inside the kernel, and hashing the copy while the next part comes.

`copy_file_range` moves bytes without bringing them into the process, and shares blocks where the file system can (XFS, Btrfs). What is
hashed is the copy, never its source: so the digest is that of what is kept, whatever happens to the source meanwhile.
"""

import errno
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from blake3 import blake3

from homeostat.core.digests import Digest

_STEP_BYTES = 32 * 1024 * 1024
_FLUSH_BYTES = 8 * _STEP_BYTES  # what the disk takes while the next is copied, so that little is left to wait for
_flush: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
_NOT_IN_KERNEL = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}


class Stretch(NamedTuple):
    """Part of an open file."""

    descriptor: int
    offset: int
    size: int


def copy(stretches: Sequence[Stretch], target: int, *, is_durable: bool) -> Digest:
    """Write stretches one after the other into an empty file, open for reading and writing; the digest of what lies there then.

    A stretch that ends early is copied as far as it goes.

    Args:
        is_durable: return only when the disk has it.

    Cost: the slowest of copying, hashing and flushing, which go on at once; memory for one step only if the kernel cannot copy.
    """
    hasher = blake3(max_threads=blake3.AUTO)
    if sum(stretch.size for stretch in stretches) <= _STEP_BYTES:  # no threads for small files
        done = 0
        for end in _copied(stretches, target):
            done = end
        _hash(hasher, target, 0, done)
    else:
        _copy_in_threads(stretches, target, hasher, is_durable=is_durable)
    if is_durable:
        os.fsync(target)
    return Digest(hasher.hexdigest())


def _copy_in_threads(stretches: Sequence[Stretch], target: int, hasher: blake3, *, is_durable: bool) -> None:
    hashed = flushed = 0
    waiting: list[Future[None]] = []
    with ThreadPoolExecutor(1) as hashing, ThreadPoolExecutor(1) as flushing:
        for end in _copied(stretches, target):
            if end - hashed >= _STEP_BYTES:
                whole = end - end % mmap.ALLOCATIONGRANULARITY
                waiting.append(hashing.submit(_hash, hasher, target, hashed, whole))
                hashed = whole
            if is_durable and end - flushed >= _FLUSH_BYTES:
                waiting.append(flushing.submit(_flush, target))
                flushed = end
        waiting.append(hashing.submit(_hash, hasher, target, hashed, os.fstat(target).st_size))
        for future in waiting:
            future.result()


def _hash(hasher: blake3, target: int, first: int, end: int) -> None:
    """Feed bytes of a file, without copying them; `first` is a multiple of the allocation granularity."""
    if end > first:
        with mmap.mmap(target, end - first, access=mmap.ACCESS_READ, offset=first) as content:
            hasher.update(content)


def _copied(stretches: Sequence[Stretch], target: int) -> Iterator[int]:
    """Copy step by step; how many bytes are there after each."""
    end = 0
    move: Callable[[Stretch, int], int] = _in_kernel if hasattr(os, "copy_file_range") else _in_process
    for stretch in stretches:
        rest = stretch
        while rest.size:
            try:
                moved = move(rest, target)
            except OSError as error:
                if move is _in_process or error.errno not in _NOT_IN_KERNEL:
                    raise
                move = _in_process  # another file system, or one that cannot
                continue
            if not moved:
                break
            end += moved
            rest = Stretch(rest.descriptor, rest.offset + moved, rest.size - moved)
            yield end


def _in_kernel(rest: Stretch, target: int) -> int:
    return os.copy_file_range(rest.descriptor, target, min(rest.size, _STEP_BYTES), rest.offset)


def _in_process(rest: Stretch, target: int) -> int:
    content = os.pread(rest.descriptor, min(rest.size, _STEP_BYTES), rest.offset)
    return os.write(target, content)
