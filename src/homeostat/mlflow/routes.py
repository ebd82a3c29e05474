"""The table of addresses: each under `/api/2.0/mlflow` and `/ajax-api/2.0/mlflow`."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import chain
from typing import NoReturn

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from homeostat.mlflow import artifacts, experiments, histories, logging, models, registered, runs, versions, webhooks
from homeostat.mlflow.bodies import whole
from homeostat.mlflow.call import Call, Endpoint, Rooms
from homeostat.mlflow.content import content_routes, guarded
from homeostat.mlflow.wire import Asked, Fault, answer, body, check_json, query, quick, read
from homeostat.mlflow.writing import Writer
from homeostat.track.experiments import ensure_default

PREFIXES = ("/api/2.0", "/ajax-api/2.0")
VERSION = "3.17.0"  # of the protocol, as clients ask for it
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    chain(
        experiments.ENDPOINTS,
        runs.ENDPOINTS,
        logging.ENDPOINTS,
        histories.ENDPOINTS,
        artifacts.ENDPOINTS,
        registered.ENDPOINTS,
        versions.ENDPOINTS,
        models.ENDPOINTS,
        webhooks.ENDPOINTS,
    )
)
_SERVER_INFO = {
    "store_type": "SqlStore",
    "workspaces_enabled": False,
    "multipart_uploads_enabled": False,
    "multipart_downloads_enabled": False,
}


class Addresses(BaseRoute):
    """Addresses without parameters, each found by one look: a list of a hundred patterns takes as long as the answer."""

    def __init__(self, endpoints: Mapping[tuple[str, str], ASGIApp]) -> None:
        """`endpoints`: method and path -> who answers."""
        self._endpoints = endpoints

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._endpoints.get((scope.get("method", ""), scope["path"]))
        return (Match.NONE, {}) if found is None else (Match.FULL, {"endpoint": found, "path_params": {}})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["endpoint"](scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> NoReturn:
        raise NoMatchFound(name, path_params)


def mlflow_routes(rooms: Rooms) -> list[BaseRoute]:
    """Every address of the protocol. The default experiment is there from now on."""
    with rooms.database.write() as connection:
        ensure_default(connection, rooms.clock.now())
    writer = Writer(rooms.database)
    plain: dict[tuple[str, str], ASGIApp] = {}
    routes: list[BaseRoute] = [Addresses(plain), *content_routes(rooms)]
    for prefix in PREFIXES:
        for one in ENDPOINTS:
            path, answered = f"{prefix}/mlflow/{one.path}", guarded(_answering(rooms, writer, one))
            if "{" in path:
                routes.append(Route(path, answered, methods=list(one.methods)))
            else:
                plain |= {(method, path): _app(answered) for method in one.methods}
        routes.append(
            Route(f"{prefix}/{{path:path}}", guarded(_absent), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        )
    for prefix in ("/api/3.0", "/ajax-api/3.0"):
        routes.append(Route(f"{prefix}/mlflow/server-info", _server_info))
        routes.append(
            Route(f"{prefix}/{{path:path}}", guarded(_absent), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        )
    routes.append(Route("/version", _version))
    return routes


def _app(answered: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answered(Request(scope, receive))
        await response(scope, receive, send)

    return app


def _answering(rooms: Rooms, writer: Writer, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        raw = await whole(request)
        asked = _asked(endpoint.asked, request, raw)

        def work(connection: Connection) -> bytes:
            call = Call(connection=connection, now=rooms.clock.now(), rooms=rooms, size_bytes=len(raw))
            return answer(endpoint.handler(call, asked))

        def looked() -> bytes:
            with rooms.database.read() as connection:
                return work(connection)

        said_back = await (writer.write(work) if endpoint.writes else run_in_threadpool(looked))
        return Response(said_back, media_type="application/json")

    return answered


def _asked(kind: type[Asked], request: Request, raw: bytes) -> Asked:
    """What a request says in its query, its body and its path."""
    if request.method == "GET":
        said = query(kind, request.query_params.multi_items())
    elif request.method == "DELETE" and not raw:
        said = {}
    else:
        check_json(request.headers.get("content-type", ""))
        if not request.path_params and (found := quick(kind, raw)) is not None:
            return found
        said = body(raw)
    said.update(request.path_params)
    return read(kind, said)


async def _absent(request: Request) -> Response:
    raise Fault(f"There is no endpoint {request.method} {request.url.path}.", "ENDPOINT_NOT_FOUND")


async def _server_info(_request: Request) -> Response:
    return Response(answer(_SERVER_INFO), media_type="application/json")


async def _version(_request: Request) -> Response:
    return PlainTextResponse(VERSION)
