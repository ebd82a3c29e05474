"""A project's datasets as they stand on one remote: read, compared, and objects carried either way."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from homeostat.core.digests import Digest, canonical_json, digest_bytes, short
from homeostat.core.errors import AlreadyExists, CorruptObject
from homeostat.data.catalog.records import Version
from homeostat.data.exchange.records import Index, Item, Progress, Pushed
from homeostat.store.objects import FileObjects
from homeostat.store.objects.remote import Remote

_AT_ONCE = 8


def read_index(remote: Remote, project: str) -> tuple[Index, str | None]:
    """A project's document on a remote, and the tag of its state; an empty one if there is none.

    Raises: CorruptObject if it is not one of ours, or of a later version.
    """
    document = remote.document(project)
    if document is None:
        return Index(datasets={}), None
    try:
        return msgspec.json.decode(document.content, type=Index), document.tag
    except msgspec.DecodeError as error:
        raise CorruptObject(
            f"What {remote.url} says of project {project!r} cannot be read: {error}. Nothing was changed. If a later version of "
            f"Homeostat wrote it, install that: pip install --upgrade homeostat"
        ) from error


def read_history(remote: Remote, digest: Digest) -> list[Pushed]:
    return msgspec.json.decode(_content(remote, digest), type=list[Pushed])


def read_inventory(remote: Remote, digest: Digest) -> list[Item]:
    return msgspec.json.decode(_content(remote, digest), type=list[Item])


def send_record(remote: Remote, record: Any) -> Digest:
    """Write an object that only the remote needs, and return its digest."""
    with TemporaryDirectory() as folder:
        objects = FileObjects(Path(folder))
        digest = objects.put(canonical_json(record))
        remote.send(digest, objects)
    return digest


def agree(name: str, here: Sequence[Version], there: Sequence[Pushed], url: str) -> None:
    """Raises: AlreadyExists if two versions of one number differ: both sides have added to the same version."""
    known = {version.number: version for version in here}
    for pushed in there:
        mine = known.get(pushed.version.number)
        if mine is not None and mine.id != pushed.version.id:
            raise AlreadyExists(
                f"{mine.name} is {short(mine.id)} here and {short(pushed.version.id)} on {url}: both were made from "
                f"{name}@{mine.number - 1}. Nothing was changed. Pull into a fresh copy of the project, and add there what is "
                f"new here; or keep yours as another dataset."
            )


def carry(items: Iterable[Item], move: Callable[[Digest], int], progress: Progress) -> tuple[int, int]:
    """Move objects, several at once; how many travelled, and how many bytes. What has arrived stays if this is stopped.

    Args:
        move: takes one object across, and says how many bytes travelled.
    """
    wanted = {item.digest: item.size_bytes for item in items}
    total, done, objects, travelled = sum(wanted.values()), 0, 0, 0
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        moves = {threads.submit(_counted, move, digest): size for digest, size in wanted.items()}
        try:
            for finished in as_completed(moves):
                is_new, size = finished.result()
                objects, travelled, done = objects + is_new, travelled + size, done + moves[finished]
                progress(done, total)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return objects, travelled


def _counted(move: Callable[[Digest], int], digest: Digest) -> tuple[int, int]:
    size = move(digest)
    return int(size > 0), size


def _content(remote: Remote, digest: Digest) -> bytes:
    content = b"".join(remote.fetch(digest))
    if digest_bytes(content) != digest:
        raise CorruptObject(
            f"Object {short(digest)} on {remote.url} holds other bytes. Push from a project that has the data, or restore it there."
        )
    return content
