"""The addresses of one run: its page, and the files it keeps."""

from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from homeostat.ui.answers import answer
from homeostat.ui.contexts import RunPage, StoredFile
from homeostat.ui.contexts.run import IMAGES, SOUNDS
from homeostat.ui.ports import Reader


def run_routes(reader: Reader) -> list[Route]:
    """`/runs/{id}` and `/runs/{id}/files/{name}`."""

    def page(request: Request) -> RunPage:
        return reader.run(request.path_params["id"], request.query_params)

    def file(request: Request) -> Response:
        named = request.path_params
        return _stored(reader.file(named["id"], named["name"], request.query_params.get("model", "")))

    return [Route("/runs/{id}", answer(page)), Route("/runs/{id}/files/{name:path}", file)]


def _stored(kept: StoredFile) -> Response:
    """Bytes that somebody logged: downloaded, never opened as a page of ours.

    Pictures and sounds have their type, so that they can be shown within a page, where nothing of them runs.
    """
    shown = kept.media_type if kept.media_type in IMAGES | SOUNDS else "application/octet-stream"
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, no-cache"}
    return FileResponse(kept.path, media_type=shown, filename=PurePosixPath(kept.name).name, headers=headers)
