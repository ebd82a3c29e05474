"""Files at http and https URLs: asked for only if they have changed, and resumed where they broke off."""

import time
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx

from homeostat.core.errors import BadData, NotFound, Unavailable, UserError
from homeostat.data.files import READERS, read_batches
from homeostat.data.sources.address import conceal, expand
from homeostat.data.sources.ports import Fetched
from homeostat.data.sources.records import Origin, State
from homeostat.data.sources.spool import Spool

_REDIRECTS = 5
_ATTEMPTS = 4
_PAUSE_S = 0.2  # doubled at each attempt
_TIMEOUT = httpx.Timeout(60, connect=10)
_SUFFIXES = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.apache.arrow.file": ".arrow",
    "application/vnd.apache.arrow.stream": ".arrow",
}


class WebFile:
    """A table file behind a URL. `folder` is for what is being downloaded."""

    def __init__(self, origin: Origin, folder: Path) -> None:
        self._uri = origin.uri
        self._name = unquote(PurePosixPath(urlsplit(origin.uri).path).name) or "index"
        self._spool = Spool(folder, origin.uri, self._name, origin.max_bytes)

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`. Cost: a request without a body if the server says that nothing has changed."""
        for attempt in range(_ATTEMPTS):
            try:
                with httpx.Client(timeout=_TIMEOUT) as client:
                    state, kind = self._download(client, known)
                break
            except (httpx.TransportError, _TryAgain) as error:
                problem = conceal(str(error) or type(error).__name__, self._uri)
                time.sleep(_PAUSE_S * 2**attempt)
        else:
            raise Unavailable(
                f"{self._uri} does not answer: {problem}, {_ATTEMPTS} times. {self._spool.size_bytes:,} bytes are here; the next "
                f"call goes on from there."
            )
        if state is None:
            return Fetched(known, None)
        fetched = self._spool.received_bytes
        state["blake3"] = self._spool.blake3()
        if state["blake3"] == known.get("blake3"):
            self._spool.clear()
            return Fetched(state, None, bytes_fetched=fetched)
        path = self._spool.path
        return Fetched(state, read_batches(path, kind or path.suffix), spool=self._spool, bytes_fetched=fetched)

    def _download(self, client: httpx.Client, known: State) -> tuple[State | None, str]:
        """Bring the spool to its end. Returns: the state of what it holds, None if `known` is still right; and the suffix."""
        response = self._answer(client, self._conditions(known))
        try:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return None, ""
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return _state_of(self._spool.validator), self._kind(response)
            state = {
                name: response.headers[header]
                for name, header in (("etag", "ETag"), ("last_modified", "Last-Modified"))
                if header in response.headers
            }
            kind = self._kind(response)
            if response.status_code == httpx.codes.OK:
                self._spool.begin(_strong(state))
            self._spool.expect(int(response.headers.get("Content-Length", 0)))
            self._spool.write(response.iter_raw())
        finally:
            response.close()
        return state, kind

    def _conditions(self, known: State) -> dict[str, str]:
        validator, size_bytes = self._spool.validator, self._spool.size_bytes
        headers = {"Accept-Encoding": "identity"}  # lengths and ranges are of the file itself
        if validator and size_bytes:
            return headers | {"Range": f"bytes={size_bytes}-", "If-Range": validator}
        if "etag" in known:
            return headers | {"If-None-Match": known["etag"]}
        return headers | ({"If-Modified-Since": known["last_modified"]} if "last_modified" in known else {})

    def _answer(self, client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
        """The answer at the end of the redirects, its body not read.

        Raises: NotFound, UserError, Unavailable by its status. _TryAgain if another request may help.
        """
        request = client.build_request("GET", expand(self._uri), headers=headers)
        for _ in range(_REDIRECTS + 1):
            response = client.send(request, stream=True)
            if response.next_request is None:
                self._check(response)
                return response
            response.close()
            if request.url.scheme == "https" and response.next_request.url.scheme != "https":
                raise BadData(
                    f"{self._uri} leads from https to http, where anybody may change it. Use another address."
                )
            request = response.next_request
        raise BadData(f"{self._uri} leads on more than {_REDIRECTS} times. Use the address where the file is.")

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        place = response.headers.get("Content-Range", "")
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and place == f"bytes */{self._spool.size_bytes}":
            return  # all of it is here
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE or (
            status == httpx.codes.PARTIAL_CONTENT and not place.startswith(f"bytes {self._spool.size_bytes}-")
        ):
            self._spool.clear()
            raise _TryAgain("the rest of it was refused")
        said = f"{self._uri} answers {status} {response.reason_phrase}"
        if status == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise _TryAgain(f"it answers {status}")
        if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise NotFound(f"{said}: there is no such file. Check the address.")
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise UserError(
                f"{said}: it needs credentials. Write them as variables: 'https://${{USER}}:${{PASSWORD}}@...'."
            )
        if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT, httpx.codes.NOT_MODIFIED):
            raise BadData(f"{said}, which is no file. Check the address.")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadData(f"{said} in an encoding that was not asked for. Download it, and import the file.")

    def _kind(self, response: httpx.Response) -> str:
        suffix = PurePosixPath(self._name).suffix.lower()
        if suffix in READERS:
            return suffix
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type in _SUFFIXES:
            return _SUFFIXES[content_type]
        raise BadData(
            f"{self._uri} has no suffix that is known, and calls itself {content_type or 'nothing'}. Known are {', '.join(READERS)}."
        )


class _TryAgain(Exception):
    """An answer that another request may change."""


def _state_of(validator: str) -> State:
    return {"etag" if validator.startswith('"') else "last_modified": validator}


def _strong(state: State) -> str:
    """What a later request can name to get the rest of the same bytes; a weak etag only promises the same meaning."""
    etag = state.get("etag", "")
    return state.get("last_modified", "") if not etag or etag.startswith("W/") else etag
