"""A server of MLFlow, 2 or 3, asked through its REST API and its artifact proxy."""

import ipaddress
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import msgspec

from homeostat.core.errors import BadData, NotFound, Unavailable, UserError
from homeostat.importing import wire
from homeostat.importing.places import PROXY, Bucket, Folder, Place, is_name, local_path, named, proxied
from homeostat.importing.records import Experiment, File, Model, Owner, Registered, Run, Unreadable, Version
from homeostat.track.blocks import Points

_API = "/api/2.0/mlflow/"
_PROXY = f"/api/2.0/{PROXY}/artifacts"
_PAGE = 200  # runs: some 2 KB each, more with many params
_POINTS = 25_000  # what MLflow's own clients ask for
_ATTEMPTS = 5
_PAUSE_S = 0.5  # doubled at each attempt
_TIMEOUT = httpx.Timeout(120, connect=10)
_CHUNK_BYTES = 1 << 20
_AGAIN = {408, 429, 502, 503, 504}


class Server:
    """A `Source`. Credentials come from the address, or from MLFLOW_TRACKING_USERNAME and _PASSWORD or _TOKEN."""

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.address = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._is_here = _is_loopback(parts.hostname or "")
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        name = parts.username or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
        password = parts.password or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
        self._client = httpx.Client(
            base_url=self.address,
            timeout=_TIMEOUT,
            auth=(name, password) if name else None,
            headers={"Authorization": f"Bearer {token}"} if token and not name else {},
            transport=transport,
        )

    def experiments(self) -> Iterator[Experiment | Unreadable]:
        body = {"max_results": 1000, "view_type": "ALL"}
        for one in self._pages("POST", "experiments/search", body, "experiments"):
            yield wire.read("experiment", one, wire.experiment)

    def runs(self, experiment: str) -> Iterator[Run | Unreadable]:
        body = {
            "experiment_ids": [experiment],
            "run_view_type": "ALL",
            "max_results": _PAGE,
            # What is begun while we read comes at the end, and moves nothing to another page.
            "order_by": ["attributes.start_time ASC"],
        }
        for one in self._pages("POST", "runs/search", body, "runs"):
            yield wire.read("run", one, wire.run)

    def history(self, run: Run, key: str) -> Iterator[Points]:
        asked = {"run_id": run.id, "metric_key": key, "max_results": _POINTS}
        while True:
            answer = self._ask("GET", "metrics/get-history", asked)
            yield wire.points(answer.get("metrics", ()))
            if not answer.get("next_page_token"):
                return
            asked = asked | {"page_token": answer["next_page_token"]}

    def models(self, experiment: str) -> Iterator[Model | Unreadable]:
        body = {"experiment_ids": [experiment], "max_results": 50}
        try:
            for one in self._pages("POST", "logged-models/search", body, "models"):
                yield wire.read("model", one, wire.model)
        except NotFound:
            return  # a server before version 3

    def model(self, model_id: str) -> Model | None:
        try:
            answer = self._ask("GET", f"logged-models/{quote(model_id, safe='')}", {"allow_deleted": "true"})
        except (NotFound, BadData):
            return None
        found = wire.read("model", answer.get("model", {}), wire.model)
        # Only what is deleted is hidden from searches.
        return None if isinstance(found, Unreadable) else msgspec.structs.replace(found, is_deleted=True)

    def registered(self) -> Iterator[Registered | Unreadable]:
        for one in self._pages("GET", "registered-models/search", {"max_results": 100}, "registered_models"):
            name = str(one.get("name", ""))
            quoted = name.replace("'", "''")
            said = {"filter": f"name='{quoted}'", "max_results": 1000}
            versions: list[Version] = []
            for each in self._pages("GET", "model-versions/search", said, "model_versions"):
                version = wire.read("version", each, wire.version)
                if isinstance(version, Unreadable):
                    yield version
                else:
                    versions.append(version)
            yield wire.read("registered model", one, partial(wire.registered, versions=tuple(versions)))

    def files(self, owner: Owner) -> Iterator[File | Unreadable]:
        place = self._place(owner)
        yield from place.files() if place else self._listed(owner)

    def content(self, owner: Owner, name: str) -> Iterator[bytes]:
        place = self._place(owner)
        if place:
            yield from place.content(name)
            return
        path, asked = self._address_of(owner, name)
        with _named(f"{self.address}{path}"), self._client.stream("GET", path, params=asked) as response:
            if response.status_code != httpx.codes.OK:
                raise BadData(f"{self.address}{path} answers {response.status_code} for {name}.")
            yield from response.iter_bytes(_CHUNK_BYTES)

    def left_out(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        self._client.close()

    def _place(self, owner: Owner) -> Place | None:
        """Where files can be read without the server. A server elsewhere is not believed about paths of this machine."""
        if owner.root.startswith("s3://"):
            return Bucket(owner.root)
        path = local_path(owner.root)
        return Folder(path) if path is not None and self._is_here and path.is_dir() else None

    def _listed(self, owner: Owner) -> Iterator[File | Unreadable]:
        """Files as the server lists them, folder by folder."""
        inside = proxied(owner.root)
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            if inside is not None:
                answer = self._json("GET", _PROXY, {"path": f"{inside}/{folder}".rstrip("/")})
            elif owner.kind == "run":
                answer = self._ask("GET", "artifacts/list", {"run_id": owner.id, "path": folder})
            else:
                asked = {"artifact_directory_path": folder} if folder else {}
                answer = self._ask("GET", f"logged-models/{owner.id}/artifacts/directories", asked)
            for one in answer.get("files", ()):
                # The proxy tells base names, the others paths below the root.
                base = str(one.get("path", "")).rstrip("/").rpartition("/")[2]
                name = f"{folder}/{base}".lstrip("/")
                if one.get("is_dir") and is_name(name):
                    waiting.append(name)
                else:
                    yield named(name, int(one["file_size"]) if "file_size" in one else None)

    def _address_of(self, owner: Owner, name: str) -> tuple[str, dict[str, str]]:
        inside = proxied(owner.root)
        if inside is not None:
            return f"{_PROXY}/{quote(f'{inside}/{name}')}", {}
        if owner.kind == "run":
            return "/get-artifact", {"run_id": owner.id, "path": name}
        return f"/ajax-api/2.0/mlflow/logged-models/{owner.id}/artifacts/files", {"artifact_file_path": name}

    def _pages(self, method: str, name: str, asked: Mapping[str, Any], field: str) -> Iterator[dict[str, Any]]:
        said = dict(asked)
        while True:
            answer = self._ask(method, name, said)
            yield from answer.get(field, ())
            token = answer.get("next_page_token")
            if not token or token == said.get("page_token"):
                return
            said["page_token"] = token

    def _ask(self, method: str, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self._json(method, _API + name, asked)

    def _json(self, method: str, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One answer; asked again while the server is busy or the line is down.

        Raises: NotFound, BadData for what it refuses. UserError without access. Unavailable.
        """
        said: dict[str, Any] = {"params": asked} if method == "GET" else {"json": asked}
        problem = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_S * 2 ** (attempt - 1))
            try:
                response = self._client.request(method, path, **said)
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
                if isinstance(error, httpx.ConnectError) and attempt:
                    break
                continue
            if response.status_code in _AGAIN:
                problem = f"it answers {response.status_code}"
                continue
            return self._answer(response, path)
        raise Unavailable(
            f"{self.address} does not answer ({problem}). Is it running, and is this the address that MLFLOW_TRACKING_URI has? "
            "Run the same command again: it goes on where it stopped."
        )

    def _answer(self, response: httpx.Response, path: str) -> dict[str, Any]:
        status = response.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise UserError(
                f"{self.address} refuses access ({status}). Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                "MLFLOW_TRACKING_TOKEN."
            )
        try:
            answer = msgspec.json.decode(response.content)
        except (msgspec.DecodeError, RecursionError):
            answer = None
        if status == httpx.codes.OK and isinstance(answer, dict):
            return answer
        if status in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
            raise NotFound(
                f"{self.address} has no {path}. Is this the address that MLFLOW_TRACKING_URI has, of MLflow 2 or 3?"
            )
        if isinstance(answer, dict) and "message" in answer:
            raise BadData(f"{self.address}{path} answers {status}: {str(answer['message'])[:300]}")
        raise UserError(f"{self.address} is no server of MLflow: {path} answers {status} with {response.text[:100]!r}.")


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Turns what breaks while a file is read into an error that names it."""
    try:
        yield
    except httpx.HTTPError as error:
        raise BadData(f"{what} breaks off: {str(error) or type(error).__name__}.") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
