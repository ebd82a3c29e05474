"""Deleting objects that nobody needs: what is marked stays, and what was wanted lately stays too.

The candidates are listed before anything is marked. An object that is put, or asked for with `has`, after the listing is young
and stays; so a row that is committed while the collector works finds its objects.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from homeostat.core.digests import Digest
from homeostat.core.errors import NotAllowed
from homeostat.store.objects.port import FRESH_S, Entry

_AT_ONCE = 8


class Shelf(Protocol):
    """Where objects are collected: a store, or a remote."""

    def entries(self) -> Iterator[Entry]: ...

    def discard(self, digest: Digest, before: float) -> bool: ...


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection found.

    Attributes:
        unneeded: objects that nobody needs; deleted if `is_applied`.
        waiting: further objects that nobody needs, younger than the grace period.
    """

    is_applied: bool
    objects: int
    bytes: int
    unneeded: tuple[Digest, ...]
    unneeded_bytes: int
    waiting: int
    waiting_bytes: int


def check_grace(grace_s: float) -> None:
    """Raises: NotAllowed if it is shorter than what `wanted_at` may lag behind, with room to commit."""
    shortest_s = 6 * FRESH_S
    if grace_s < shortest_s:
        raise NotAllowed(
            f"A grace period of {grace_s:.0f} s is too short: work in flight has objects that no row names yet. Give one of "
            f"at least {shortest_s / 60:.0f} minutes."
        )


def collect(shelf: Shelf, marked: Callable[[], set[Digest]], *, before: float, apply: bool) -> Collected:
    """Find what nobody needs, and delete it if `apply`.

    Args:
        marked: what is needed; called after the objects are listed.
        before: only what nobody has wanted since then is deleted, unix seconds.
    """
    listed = list(shelf.entries())
    needed = marked()
    unmarked = [entry for entry in listed if entry.digest not in needed]
    old = [entry for entry in unmarked if entry.wanted_at < before]
    young = [entry for entry in unmarked if entry.wanted_at >= before]
    if apply:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            gone = list(threads.map(lambda entry: shelf.discard(entry.digest, before), old))
        old = [entry for entry, is_gone in zip(old, gone, strict=True) if is_gone]
    return Collected(
        is_applied=apply,
        objects=len(listed),
        bytes=sum(entry.size_bytes for entry in listed),
        unneeded=tuple(sorted(entry.digest for entry in old)),
        unneeded_bytes=sum(entry.size_bytes for entry in old),
        waiting=len(young),
        waiting_bytes=sum(entry.size_bytes for entry in young),
    )
