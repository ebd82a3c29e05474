"""The application: pages, API, static files and events, and how errors become answers."""

import logging
from collections.abc import Sequence

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from homeostat.api.routes import api_routes
from homeostat.core.errors import (
    AlreadyExists,
    HomeostatError,
    NotAllowed,
    NotFound,
    Overloaded,
    ResourceError,
    UserError,
)
from homeostat.server.events import Pulse
from homeostat.server.security import Guard
from homeostat.ui.assets import STATIC
from homeostat.ui.ports import Reader, Writer
from homeostat.ui.render import render
from homeostat.ui.routes import page_routes
from homeostat.ui.run_routes import file_routes, run_routes
from homeostat.ui.runs_routes import runs_routes

# The first class that fits decides; what is not listed is the server's own fault.
_STATUSES: tuple[tuple[type[HomeostatError], int], ...] = (
    (NotFound, 404),
    (AlreadyExists, 409),
    (NotAllowed, 403),
    (UserError, 400),
    (Overloaded, 429),
    (ResourceError, 503),
)
_log = logging.getLogger(__name__)


def create_app(reader: Reader, writer: Writer, pulse: Pulse, protocols: Sequence[BaseRoute] = ()) -> Starlette:
    """The application over whatever reads the rooms.

    Args:
        reader: fills the contexts of pages and API.
        writer: does what the forms of pages ask.
        pulse: streams the ledger's movement; stop it before the server.
        protocols: addresses of other protocols. Their answers are not compressed: clients are near, and artifacts are
            compressed already.
    """
    errors = _Errors(reader)
    return Starlette(
        routes=[
            Route("/health", lambda _: PlainTextResponse("OK")),
            *protocols,
            *file_routes(reader),
            Mount(
                "",
                routes=[
                    *runs_routes(reader, writer),
                    *run_routes(reader, writer),
                    *page_routes(reader),
                    *api_routes(reader),
                    Route("/events", pulse.answer),
                    Route("/runs/{id}/events", pulse.answer_run),
                    Mount("/static", _Static(directory=STATIC)),
                ],
                # Level 9 saves 4 % of a page and takes eight times as long.
                middleware=[Middleware(GZipMiddleware, minimum_size=2048, compresslevel=4)],
            ),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={
            HomeostatError: errors.homeostat,
            HTTPException: errors.http,
            Exception: errors.unexpected,
        },
    )


def status_of(error: HomeostatError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


class _Errors:
    """Errors as pages, or as JSON below /api."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def homeostat(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HomeostatError):
            raise error
        answer = self._answer(request, status_of(error), error.code, error.message)
        if isinstance(error, Overloaded):
            answer.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
        return answer

    def http(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if error.status_code == 404:
            message = f"There is nothing at {request.url.path}. Begin at the overview and follow its links."
            return self._answer(request, 404, NotFound.code, message)
        return self._answer(request, error.status_code, "http", str(error.detail))

    def unexpected(self, request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        message = (
            f"The server failed at this page ({type(error).__name__}). Nothing was changed. "
            f"The server's log says where; please report it with that text."
        )
        return self._answer(request, 500, "internal", message)

    def _answer(self, request: Request, status: int, code: str, message: str) -> Response:
        if request.url.path.startswith("/api/"):
            body = msgspec.json.encode({"error": {"code": code, "message": message}})
            return Response(body, status_code=status, media_type="application/json")
        page = self._reader.error(status=status, code=code, message=message)
        return HTMLResponse(render(page), status_code=status)


class _Static(StaticFiles):
    """Files that are addressed by content (`?v=`) never change; others are asked for again each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        is_versioned = b"v=" in scope["query_string"]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_versioned else "no-cache"
        return response
