"""Addresses that carry raw bytes: the artifact proxy, and downloads by run or by model version."""

import logging
import mimetypes
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from homeostat.core.digests import Digest
from homeostat.core.errors import HomeostatError
from homeostat.mlflow import artifacts, rules
from homeostat.mlflow.artifacts import Owner
from homeostat.mlflow.bodies import taken
from homeostat.mlflow.call import Rooms
from homeostat.mlflow.versions import folder_of
from homeostat.mlflow.wire import ABSENT, Fault, answer, error, missing
from homeostat.track import queries

PROXY = "mlflow-artifacts"
_log = logging.getLogger(__name__)
# Never shown in a browser as a page of ours, whatever somebody logged.
_INERT = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}


def content_routes(rooms: Rooms) -> list[Route]:
    """`/api/2.0/mlflow-artifacts/...`, `/get-artifact` and `/model-versions/get-artifact`."""

    async def proxied(request: Request) -> Response:
        path = request.path_params["path"]
        if request.method == "PUT":
            await taken(request, lambda chunks: artifacts.keep(rooms, path, chunks))
            return _json({})
        if request.method == "DELETE":
            await run_in_threadpool(artifacts.remove, rooms, path)
            return _json({})
        return await run_in_threadpool(_file, rooms, lambda connection: artifacts.place(connection, path))

    async def listed(request: Request) -> Response:
        def look() -> list[dict[str, Any]]:
            with rooms.database.read() as connection:
                return artifacts.proxied(connection, request.query_params.get("path", ""))

        found = await run_in_threadpool(look)
        return _json({"files": found} if found else {})

    async def not_implemented(_request: Request) -> Response:
        raise Fault("Multipart uploads are not needed here: send the file whole.", "NOT_IMPLEMENTED")

    routes = _downloads(rooms)
    for prefix in ("/api/2.0", "/ajax-api/2.0"):
        routes += [
            Route(f"{prefix}/{PROXY}/artifacts", guarded(listed)),
            Route(f"{prefix}/{PROXY}/artifacts/{{path:path}}", guarded(proxied), methods=["GET", "PUT", "DELETE"]),
            Route(f"{prefix}/{PROXY}/mpu/{{path:path}}", guarded(not_implemented), methods=["POST"]),
            Route(f"{prefix}/{PROXY}/presigned/{{path:path}}", guarded(not_implemented)),
        ]
    return routes


def _downloads(rooms: Rooms) -> list[Route]:
    """Single files by run, by logged model and by model version."""

    async def of_run(request: Request) -> Response:
        path = _needed(request, "path")
        run_id = request.query_params.get("run_id") or request.query_params.get("run_uuid") or ""
        where = artifacts.Place(Owner("run", run_id), rules.artifact_path(path))

        def look(connection: Any) -> artifacts.Place:
            if not queries.records(connection, [run_id]):
                raise Fault(f"Run with id={run_id} not found", ABSENT)
            return where

        return await run_in_threadpool(_file, rooms, look)

    async def of_model(request: Request) -> Response:
        path = rules.artifact_path(_needed(request, "artifact_file_path"))
        where = artifacts.Place(Owner("model", request.path_params["model_id"]), path)
        return await run_in_threadpool(_file, rooms, lambda _connection: where)

    async def of_version(request: Request) -> Response:
        name, version, path = (_needed(request, field) for field in ("name", "version", "path"))
        below = rules.artifact_path(path)

        def look(connection: Any) -> artifacts.Place:
            owner, folder = folder_of(connection, name, rules.version_number(version))
            return artifacts.Place(owner, f"{folder}/{below}" if folder else below)

        return await run_in_threadpool(_file, rooms, look)

    return [
        Route("/get-artifact", guarded(of_run)),
        Route("/model-versions/get-artifact", guarded(of_version)),
        *(
            Route(f"{prefix}/mlflow/logged-models/{{model_id}}/artifacts/files", guarded(of_model))
            for prefix in ("/api/2.0", "/ajax-api/2.0")
        ),
    ]


def guarded(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answers errors as clients of this protocol expect them."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HomeostatError as found:
            status, said = error(found)
        except Exception as found:  # noqa: BLE001  logged; a client of this protocol reads JSON only
            _log.exception("%s %s failed", request.method, request.url.path)
            status, said = error(HomeostatError(f"The server failed ({type(found).__name__}). Its log says where."))
        return Response(said, status_code=status, media_type="application/json")

    return answered


def _file(rooms: Rooms, look: Callable[[Any], artifacts.Place]) -> Response:
    with rooms.database.read() as connection:
        where = look(connection)
        digest: Digest = artifacts.digest(connection, where.owner, where.name)
    rooms.objects.check(digest)
    media_type = mimetypes.guess_type(where.name)[0] or "application/octet-stream"
    if media_type in {"text/html", "image/svg+xml", "application/xhtml+xml"}:
        media_type = "text/plain"
    return FileResponse(rooms.objects.path(digest), media_type=media_type, headers=_INERT)


def _needed(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value:
        raise Fault(missing(name), "BAD_REQUEST" if name == "path" else ABSENT)
    return value


def _json(value: dict[str, Any]) -> Response:
    return Response(answer(value), media_type="application/json")
