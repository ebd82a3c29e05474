"""The table of addresses: each under `/api/2.0/mlflow` and `/ajax-api/2.0/mlflow`."""

from collections.abc import Awaitable, Callable
from itertools import chain

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from homeostat.mlflow import artifacts, experiments, histories, logging, models, registered, runs, versions, webhooks
from homeostat.mlflow.bodies import whole
from homeostat.mlflow.call import Call, Endpoint, Rooms
from homeostat.mlflow.content import content_routes, guarded
from homeostat.mlflow.wire import Fault, answer, body, query, read
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


def mlflow_routes(rooms: Rooms) -> list[Route]:
    """Every address of the protocol. The default experiment is there from now on."""
    with rooms.database.write() as connection:
        ensure_default(connection, rooms.clock.now())
    routes = content_routes(rooms)
    for prefix in PREFIXES:
        routes += [
            Route(f"{prefix}/mlflow/{one.path}", guarded(_answering(rooms, one)), methods=list(one.methods))
            for one in ENDPOINTS
        ]
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


def _answering(rooms: Rooms, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        raw = await whole(request)
        if request.method == "GET":
            said = query(endpoint.asked, request.query_params.multi_items())
        elif request.method == "DELETE" and not raw:
            said = {}
        else:
            said = body(raw, request.headers.get("content-type", ""))
        said.update(request.path_params)
        asked = read(endpoint.asked, said)

        def work() -> bytes:
            transaction = rooms.database.write if endpoint.writes else rooms.database.read
            with transaction() as connection:
                call = Call(connection=connection, now=rooms.clock.now(), rooms=rooms, size_bytes=len(raw))
                found = endpoint.handler(call, asked)
            return answer(found)

        return Response(await run_in_threadpool(work), media_type="application/json")

    return answered


async def _absent(request: Request) -> Response:
    raise Fault(f"There is no endpoint {request.method} {request.url.path}.", "ENDPOINT_NOT_FOUND")


async def _server_info(_request: Request) -> Response:
    return Response(answer(_SERVER_INFO), media_type="application/json")


async def _version(_request: Request) -> Response:
    return PlainTextResponse(VERSION)
