"""Runs that go to a server: `hs.run("baseline", server="http://127.0.0.1:8700")`, or the variable HOMEOSTAT_SERVER.

What a run says is kept in a folder here until the server has it. A server that is down, slow, full or ill is asked again, ever more
rarely, by the thread that ships; the training goes on. Frames travel with their offset, which the server commits with the rows: what
it took and could not say so is not taken twice.
"""

import http.client
import logging
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from homeostat.core.digests import Digest
from homeostat.core.errors import HomeostatError, NotFound, Unavailable, UserError
from homeostat.core.ids import RunId
from homeostat.current.destinations import capture, encode_model, project_or_folder
from homeostat.store.objects import FileObjects
from homeostat.track.records import ArtifactKept, Surrounded
from homeostat.track.run import Beginning
from homeostat.track.spool import Spool, run_of, spools

_TIMEOUT_S = 10.0  # of one answer; a training that ends waits for two at most
_BATCH_BYTES = 4 * 1024 * 1024  # of frames in one request
_ASKED = 1000  # digests in one question
_KEPT_S = 60.0  # so long an object that the server has stays here too, for who has just put it
_CUT = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
_logger = logging.getLogger("homeostat.track")


class OnServer:
    """A server. A `track.ports.Destination`, for any thread of the process that made it.

    Attributes:
        folder: what is on its way, in `spool` and `objects`.
    """

    def __init__(self, address: str, folder: Path | None = None, *, home: Path) -> None:
        """Connects to nothing yet.

        Args:
            address: such as `http://127.0.0.1:8700`.
            folder: default: one for each server, below `home`.

        Raises: UserError if the address is none.
        """
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise UserError(
                f"{address!r} is no address of a server. Give one such as http://127.0.0.1:8700, as `homeostat server` says it."
            )
        self.folder = folder or home / "servers" / re.sub(r"[^A-Za-z0-9.-]", "-", parts.netloc)
        self.spool = self.folder / "spool"
        self.objects = FileObjects(self.folder / "objects")
        self._address = f"{parts.scheme}://{parts.netloc}"
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=_TIMEOUT_S)
        self._talking = threading.RLock()
        self._offsets: dict[str, int] = {}  # how much of each spool is there, as far as is known here
        self._there: set[Digest] = set()
        self._has_recovered = False

    def ship(self, spool: Spool) -> bool:
        """As `track.ports.Destination`. Raises: Unavailable, or what the server finds wrong."""
        with self._talking:
            if not self._has_recovered:
                self.recover()
                self._has_recovered = True
            self._send(spool)
        return True

    def recover(self) -> tuple[int, list[RunId]]:
        """Send what dead processes left in the folder; runs that were open end as `killed`.

        What the server refuses is said in the log and stays; it holds up nothing else.

        Returns: how many spools were sent, and the runs that were killed.
        Raises: Unavailable.
        """
        sent, killed = 0, list[RunId]()
        for path in spools(self.spool):
            spool = Spool.adopt(path)
            if spool is None:
                continue
            is_sent = False
            try:
                self._send(spool)
                is_sent = True
            except Unavailable:
                raise
            except HomeostatError as error:
                _logger.warning("%s stays where it is; to give it up delete that file. %s", path, error)
            finally:
                spool.close(delete=is_sent)
            sent += is_sent
            is_last = not any(run_of(other) == spool.run_id for other in spools(self.spool))
            if is_sent and is_last and self._ask("POST", f"runs/{spool.run_id}/killed")["killed"]:
                killed.append(spool.run_id)
        return sent, killed

    def beginning(self, run_id: str) -> Beginning:
        """What a run on the server goes on with. Raises: NotFound. UserError if it was deleted. Unavailable."""
        with self._talking:
            return msgspec.convert(self._ask("GET", f"runs/{run_id}"), Beginning)

    def capture(self) -> Mapping[str, Any]:
        root, is_declared = project_or_folder(Path.cwd())
        return capture(root, self.objects, with_code=is_declared)

    def encode_model(self, model: Any, example: Any, code: Digest) -> bytes:
        return encode_model(model, example, code)

    def _send(self, spool: Spool) -> None:
        while True:
            offset = self._offsets.get(spool.id, 0)
            batch = spool.read(offset, _BATCH_BYTES)
            if not batch.events:
                return
            if any(isinstance(event, ArtifactKept | Surrounded) for event in batch.events):
                self._send_objects()
            # Of a spool that it knows, the server says where to go on, whatever is sent.
            answer = self._ask("POST", f"spools/{spool.id}?offset={offset}", spool.between(offset, batch.end))
            self._offsets[spool.id] = answer["shipped"]

    def _send_objects(self) -> None:
        """Every object that is here and not there. What is there already goes from here after a while."""
        new = [digest for digest in self.objects.digests() if digest not in self._there]
        for first in range(0, len(new), _ASKED):
            asked = new[first : first + _ASKED]
            for digest in self._ask("POST", "objects", msgspec.json.encode(asked))["missing"]:
                self._ask("PUT", f"objects/{digest}", self.objects.path(digest))
            self._there.update(asked)
        for digest in self._there:
            self.objects.discard(digest, time.time() - _KEPT_S)

    def _ask(self, method: str, path: str, body: bytes | Path = b"") -> dict[str, Any]:
        """One request, sent again if a connection that was idle had been cut meanwhile: each may be made twice."""
        try:
            try:
                status, said = self._exchange(method, path, body)
            except _CUT:
                self._connection.close()
                status, said = self._exchange(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unavailable(f"{self._address} does not answer: {type(error).__name__}: {error}") from error
        if status == http.client.OK:
            answer: dict[str, Any] = msgspec.json.decode(said)
            return answer
        message = _message(said) or f"it answered {status}"
        if status >= http.client.INTERNAL_SERVER_ERROR or status in {
            http.client.REQUEST_TIMEOUT,
            http.client.TOO_MANY_REQUESTS,
        }:
            raise Unavailable(f"{self._address} cannot take it now: {message}")
        kind = NotFound if status == http.client.NOT_FOUND else UserError
        raise kind(f"{self._address} refuses it: {message}")

    def _exchange(self, method: str, path: str, body: bytes | Path) -> tuple[int, bytes]:
        where = f"/api/tracking/{path}"
        if isinstance(body, Path):
            with body.open("rb") as file:
                length = str(body.stat().st_size)
                self._connection.request(method, where, file, {"Content-Length": length})
                answer = self._connection.getresponse()
                return answer.status, answer.read()
        self._connection.request(method, where, body)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _message(said: bytes) -> str:
    try:
        return str(msgspec.json.decode(said)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):  # not an answer of ours
        return ""
