"""A remote in a directory: a mounted disk, a share, a second copy on this machine."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from homeostat.core.digests import Digest, digest_bytes
from homeostat.core.errors import NotFound, Unavailable
from homeostat.core.ids import check_name
from homeostat.store.objects.files import FileObjects, alone, write_durably
from homeostat.store.objects.port import Entry
from homeostat.store.objects.remote import Document

_PART_BYTES = 4 * 1024 * 1024


class FolderRemote:
    """A Remote in a directory: `objects/` as in a project, and `projects/NAME.json`."""

    def __init__(self, root: Path, *, create: bool) -> None:
        self.url = root.as_uri()
        self._documents = root / "projects"
        if not create and not self._documents.is_dir():
            raise Unavailable(
                f"Remote {self.url} is not there: no {self._documents}. Mount its disk; or, if it is new: "
                f"homeostat data remote add NAME {self.url}"
            )
        try:
            self._documents.mkdir(parents=True, exist_ok=True)
            self._objects = FileObjects(root / "objects")
        except OSError as error:
            raise Unavailable(
                f"Remote {self.url} cannot be used: {error}. Mount its disk, or make it writable."
            ) from error

    def has(self, digest: Digest) -> bool:
        return self._objects.has(digest)

    def send(self, digest: Digest, source: FileObjects) -> int:
        if self.has(digest):
            return 0
        path = source.path(digest)
        self._objects.receive(digest, _parts(path))
        return path.stat().st_size

    def fetch(self, digest: Digest) -> Iterable[bytes]:
        try:
            return _parts(self._objects.path(digest))
        except NotFound as error:
            raise NotFound(f"Remote {self.url} does not have it either. {error.message}") from error

    def entries(self) -> Iterator[Entry]:
        return self._objects.entries()

    def discard(self, digest: Digest, before: float) -> bool:
        return self._objects.discard(digest, before)

    def documents(self) -> list[str]:
        return sorted(path.stem for path in self._documents.glob("*.json"))

    def document(self, project: str) -> Document | None:
        try:
            content = self._path(project).read_bytes()
        except FileNotFoundError:
            return None
        return Document(content=content, tag=digest_bytes(content))

    def swap(self, project: str, content: bytes, tag: str | None) -> bool:
        path = self._path(project)
        with alone(path.with_suffix(".lock")):
            now = self.document(project)
            if (None if now is None else now.tag) != tag:
                return False
            write_durably(path, content)
            return True

    def _path(self, project: str) -> Path:
        return self._documents / f"{check_name('project', project)}.json"


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            yield part
