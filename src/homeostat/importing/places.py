"""Where artifacts lie: in folders of this machine and in buckets that speak the S3 protocol."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from homeostat.core.errors import BadData
from homeostat.importing.records import File, Unreadable

PROXY = "mlflow-artifacts"
ROOTLESS = "runs and models without a folder of artifacts"  # as `Source.left_out` names them
_CHUNK_BYTES = 1 << 20
_MOST_NAME = 1024  # characters, as the tables have it


class Place(Protocol):
    """A root with files below it. Raises: BadData if it cannot be read."""

    def files(self) -> Iterator[File | Unreadable]: ...

    def content(self, name: str) -> Iterator[bytes]: ...


class Folder:
    """Nothing there is no error: a run without artifacts often has no folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> Iterator[File | Unreadable]:
        waiting = [self.path]
        while waiting:
            folder = waiting.pop()
            if not folder.is_dir():
                continue
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                raise BadData(f"{folder} cannot be listed: {error.strerror}.") from error
            for entry in entries:
                name = Path(entry.path).relative_to(self.path).as_posix()
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_symlink() and not self._is_inside(Path(entry.path)):
                    yield Unreadable("file", name, "It leads out of its folder, and is not followed.")
                elif entry.is_file():
                    yield named(name, entry.stat().st_size)
                else:
                    yield Unreadable("file", name, "It is no file.")

    def content(self, name: str) -> Iterator[bytes]:
        try:
            with (self.path / name).open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise BadData(f"{self.path / name} cannot be read: {error.strerror}.") from error

    def _is_inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.path.resolve())


class Bucket:
    """`s3://bucket/prefix`. Credentials, region and endpoint come from the usual AWS_* variables, the endpoint also from
    MLFLOW_S3_ENDPOINT_URL.
    """

    def __init__(self, url: str) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self._url = url
        self._prefix = prefix.strip("/")
        endpoint = next(
            filter(None, map(os.environ.get, ("MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))), ""
        )
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        self._store = S3Store(
            bucket,
            config={"region": region, "endpoint": endpoint} if endpoint else {"region": region},
            client_options={"allow_http": endpoint.startswith("http://")},
        )

    def files(self) -> Iterator[File | Unreadable]:
        with self._answering():
            for page in obstore.list(self._store, f"{self._prefix}/"):
                for each in page:
                    name = each["path"].removeprefix(f"{self._prefix}/")
                    yield named(name, each["size"])

    def content(self, name: str) -> Iterator[bytes]:
        with self._answering():
            for part in obstore.get(self._store, f"{self._prefix}/{name}").stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(part)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise BadData(
                f"{self._url} cannot be read: {str(error).splitlines()[0]}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and "
                "MLFLOW_S3_ENDPOINT_URL if it is not Amazon's."
            ) from error


def local_path(root: str) -> Path | None:
    """The folder an artifact root names, or None if it names none of a file system."""
    parts = urlsplit(root)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(root) if not parts.scheme else None


def open_place(root: str) -> Place:
    """Raises: BadData if it is neither a folder nor a bucket."""
    path = local_path(root)
    if path is not None:
        return Folder(path)
    if root.startswith("s3://"):
        return Bucket(root)
    raise BadData(
        f"Artifacts at {root} cannot be read: folders and s3:// can. Start `mlflow server` in front of the store, and import from "
        "its address."
    )


def proxied(root: str) -> str | None:
    """The path below the root of a server's artifacts that a root names, or None if it is not kept by a server."""
    parts = urlsplit(root)
    return unquote(parts.path).strip("/") if parts.scheme == PROXY else None


def named(name: str, size_bytes: int | None) -> File | Unreadable:
    """A file, if its path below the root can lead nowhere else, and is short enough."""
    return (
        File(name, size_bytes)
        if is_name(name)
        else Unreadable("file", name[:200], "This cannot be the name of an artifact.")
    )


def is_name(name: str) -> bool:
    """Whether it is a path below a root."""
    is_hidden = any(part in {"", ".", ".."} for part in name.split("/")) or re.search(r"[\x00-\x1f\\]", name)
    return not is_hidden and len(name) <= _MOST_NAME
