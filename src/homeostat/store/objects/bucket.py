"""A remote in a bucket that speaks the S3 protocol.

Two conditional writes carry it: an object is put if it is absent, a document is put if its entity tag is the one that was read.
Nothing is ever locked. A large object goes up in parts, which the bucket makes an object when the last one is there.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from homeostat.core.digests import Digest, digest_bytes, parse_digest, short
from homeostat.core.errors import InvalidDigest, NotFound, Unavailable
from homeostat.core.ids import check_name
from homeostat.store.objects.files import FileObjects
from homeostat.store.objects.port import FRESH_S, Entry
from homeostat.store.objects.remote import Document, Location

PART_BYTES = 8 * 1024 * 1024
_PARTS_AT_ONCE = 4
_ASK_BYTES = 64 * 1024  # below, sending costs no more than asking
_OBJECTS, _WANTED, _ASIDE, _PROJECTS = "objects", "wanted", "aside", "projects"


class BucketRemote:
    """A Remote in a bucket.

    Layout under the prefix: `objects/ab/cdef...`; `projects/NAME.json`; `wanted/DIGEST`, an empty mark that somebody relies on an
    object that was there, for a bucket cannot touch one; `aside/DIGEST`, an object about to be discarded.
    """

    def __init__(self, location: Location) -> None:
        self.url = location.url
        bucket, _, prefix = location.url.removeprefix("s3://").partition("/")
        endpoint = location.endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        region = location.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        self._bucket = S3Store(
            bucket,
            config={"region": region, "endpoint": endpoint} if endpoint else {"region": region},
            prefix=prefix.strip("/") or None,
            client_options={"allow_http": endpoint.startswith("http://"), "connect_timeout": "5s", "timeout": "120s"},
            retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=60)},
        )

    def has(self, digest: Digest) -> bool:
        with self._answering():
            try:
                put_at = obstore.head(self._bucket, _object(digest))["last_modified"].timestamp()
            except FileNotFoundError:
                return False
            if put_at >= time.time() - FRESH_S:
                return True
            # Mark first, then look: a collector that takes it away after this look sees the mark and puts it back. One that has
            # it aside by now may have looked for marks already: then it is to be sent again.
            obstore.put(self._bucket, f"{_WANTED}/{digest}", b"")
            return self._is_there(_object(digest))

    def send(self, digest: Digest, source: FileObjects) -> int:
        path = source.path(digest)
        size_bytes = path.stat().st_size
        if size_bytes >= _ASK_BYTES and self.has(digest):
            return 0
        if size_bytes >= PART_BYTES:
            source.check(digest)
            with self._answering():
                # Two that send it at once send the same bytes: whoever is last changes nothing.
                obstore.put(self._bucket, _object(digest), path, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
            return size_bytes
        content = source.read(digest)
        with self._answering():
            try:
                obstore.put(self._bucket, _object(digest), content, mode="create")
            except AlreadyExistsError:
                return 0 if self.has(digest) else self.send(digest, source)
        return size_bytes

    def fetch(self, digest: Digest) -> Iterable[bytes]:
        with self._answering():
            for path in (_object(digest), f"{_ASIDE}/{digest}"):
                with suppress(FileNotFoundError):
                    for part in obstore.get(self._bucket, path).stream(min_chunk_size=PART_BYTES):
                        yield bytes(part)
                    return
        raise NotFound(f"Remote {self.url} does not have object {short(digest)}. Push it from a copy that has it.")

    def entries(self) -> Iterator[Entry]:
        with self._answering():
            for name in self._names(_ASIDE):  # what a killed `discard` left
                self._put_back(Digest(name))
            wanted = {
                found["path"].rpartition("/")[2]: found["last_modified"].timestamp()
                for batch in obstore.list(self._bucket, prefix=_WANTED)
                for found in batch
            }
            for batch in obstore.list(self._bucket, prefix=_OBJECTS):
                for found in batch:
                    with suppress(InvalidDigest):  # not ours
                        digest = parse_digest("".join(found["path"].split("/")[-2:]))
                        put_at = found["last_modified"].timestamp()
                        yield Entry(digest, found["size"], max(put_at, wanted.get(digest, 0.0)))

    def discard(self, digest: Digest, before: float) -> bool:
        mark = f"{_WANTED}/{digest}"
        with self._answering():
            try:
                if max(self._modified(_object(digest)), self._modified(mark)) >= before:
                    return False
                obstore.copy(self._bucket, _object(digest), f"{_ASIDE}/{digest}")
                obstore.delete(self._bucket, _object(digest))
                if self._modified(mark) >= before:
                    self._put_back(digest)
                    return False
            except FileNotFoundError:  # another collector was faster
                return False
            for left in (mark, f"{_ASIDE}/{digest}"):
                with suppress(FileNotFoundError):
                    obstore.delete(self._bucket, left)
            return True

    def documents(self) -> list[str]:
        with self._answering():
            return sorted(name.removesuffix(".json") for name in self._names(_PROJECTS))

    def document(self, project: str) -> Document | None:
        with self._answering():
            try:
                found = obstore.get(self._bucket, _document(project))
            except FileNotFoundError:
                return None
            content = bytes(found.bytes())
            return Document(content=content, tag=found.meta["e_tag"] or digest_bytes(content))

    def swap(self, project: str, content: bytes, tag: str | None) -> bool:
        with self._answering():
            try:
                obstore.put(self._bucket, _document(project), content, mode="create" if tag is None else {"e_tag": tag})
            except (AlreadyExistsError, PreconditionError):
                return False
            return True

    def _names(self, folder: str) -> list[str]:
        return [
            found["path"].rpartition("/")[2] for batch in obstore.list(self._bucket, prefix=folder) for found in batch
        ]

    def _is_there(self, path: str) -> bool:
        try:
            obstore.head(self._bucket, path)
        except FileNotFoundError:
            return False
        return True

    def _modified(self, path: str) -> float:
        """When it was written; 0 if it is not there."""
        try:
            return obstore.head(self._bucket, path)["last_modified"].timestamp()
        except FileNotFoundError:
            return 0.0

    def _put_back(self, digest: Digest) -> None:
        with suppress(FileNotFoundError):
            obstore.copy(self._bucket, f"{_ASIDE}/{digest}", _object(digest))
            obstore.delete(self._bucket, f"{_ASIDE}/{digest}")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Names what went wrong as one error of ours."""
        try:
            yield
        except FileNotFoundError as error:
            raise self._unavailable(error, "Check that the bucket exists.") from error
        except BaseError as error:
            raise self._unavailable(
                error, "Check the address, the network, and AWS_ACCESS_KEY_ID and its fellows; then run it again."
            ) from error

    def _unavailable(self, error: Exception, advice: str) -> Unavailable:
        said = str(error).split("\n\nDebug source")[0]  # what follows is the client's inner state
        return Unavailable(f"Remote {self.url} does not answer as it should: {said}. Nothing is lost. {advice}")


def _object(digest: Digest) -> str:
    return f"{_OBJECTS}/{digest[:2]}/{digest[2:]}"


def _document(project: str) -> str:
    return f"{_PROJECTS}/{check_name('project', project)}.json"
