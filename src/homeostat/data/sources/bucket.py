"""Files in buckets that speak the S3 protocol. Credentials, region and endpoint come from the usual AWS_* variables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from homeostat.core.errors import BadData, NotFound, Unavailable, UserError
from homeostat.data.files import read_batches
from homeostat.data.sources.ports import Fetched
from homeostat.data.sources.records import Origin, State
from homeostat.data.sources.spool import Spool

_CHUNK_BYTES = 8 << 20


class BucketFile:
    """A table file `s3://bucket/key`. `folder` is for what is being downloaded."""

    def __init__(self, origin: Origin, folder: Path) -> None:
        self._uri = origin.uri
        bucket, _, self._key = origin.uri.removeprefix("s3://").partition("/")
        if not bucket or not self._key:
            raise BadData(f"{origin.uri} names no file. Write s3://BUCKET/KEY.")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        self._bucket = S3Store(
            bucket,
            config={"region": region, "endpoint": endpoint} if endpoint else {"region": region},
            client_options={"allow_http": endpoint.startswith("http://")},
        )
        self._spool = Spool(folder, origin.uri, PurePosixPath(self._key).name, origin.max_bytes)

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`. Cost: a request without a body if nothing has changed."""
        with self._answering():
            found = obstore.head(self._bucket, self._key)
            etag = found["e_tag"] or ""
            state = {"etag": etag, "version": found["version"] or ""}
            if etag and etag == known.get("etag") and state["version"] == known.get("version"):
                return Fetched(known, None)
            if self._spool.validator != etag or not etag:
                self._spool.begin(etag)
            begin, end = self._spool.size_bytes, int(found["size"])
            self._spool.expect(end - begin)
            if end > begin:
                answer = obstore.get(
                    self._bucket,
                    self._key,
                    # If it changes on the way its etag does, and the rest is refused.
                    options={"range": (begin, end), "if_match": etag} if etag else {"range": (begin, end)},
                )
                self._spool.write(bytes(part) for part in answer.stream(min_chunk_size=_CHUNK_BYTES))
        state["blake3"] = self._spool.blake3()
        if state["blake3"] == known.get("blake3"):
            self._spool.clear()
            return Fetched(state, None, bytes_fetched=self._spool.received_bytes)
        return Fetched(
            state, read_batches(self._spool.path), spool=self._spool, bytes_fetched=self._spool.received_bytes
        )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"There is no {self._uri}. Check bucket and key.") from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise UserError(
                f"{self._uri} may not be read. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys that may."
            ) from error
        except (BaseError, OSError) as error:
            raise Unavailable(
                f"{self._uri} does not answer: {error}. Try again: it goes on where it stopped."
            ) from error
