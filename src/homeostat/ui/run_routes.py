"""The addresses of one run: its page, what the forms of the page do, and the files it keeps.

After a form the browser is sent back to the page, so that a reload repeats nothing.
"""

from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from homeostat.core.errors import UserError
from homeostat.ui.answers import answer
from homeostat.ui.contexts import RunPage, StoredFile
from homeostat.ui.contexts.run import IMAGES, SOUNDS
from homeostat.ui.forms import read_form
from homeostat.ui.ports import Reader, Writer

_SEE_OTHER = 303


def run_routes(reader: Reader, writer: Writer) -> list[Route]:
    """`/runs/{id}`."""

    def page(request: Request) -> RunPage:
        return reader.run(request.path_params["id"], request.query_params)

    async def act(request: Request) -> Response:
        """Raises: NotAllowed unless the form stands on a page of this server."""
        said = dict(await read_form(request))
        run_id = request.path_params["id"]
        await run_in_threadpool(_act, writer, run_id, said)
        return RedirectResponse(f"/runs/{quote(run_id)}", _SEE_OTHER, headers={"Cache-Control": "no-store"})

    return [
        Route("/runs/{id}", answer(page), methods=["GET"]),
        Route("/runs/{id}", act, methods=["POST"]),
    ]


def file_routes(reader: Reader) -> list[Route]:
    """`/runs/{id}/files/{name}`. Nothing may compress these on the way: files are large, and asked for in parts."""

    def file(request: Request) -> Response:
        named = request.path_params
        return _stored(reader.file(named["id"], named["name"], request.query_params.get("model", "")))

    return [Route("/runs/{id}/files/{name:path}", file)]


def _act(writer: Writer, run_id: str, said: dict[str, str]) -> None:
    match said.get("action", ""):
        case "note":
            writer.note_run(run_id, said.get("text", "").replace("\r\n", "\n").strip())
        case "rename":
            writer.rename_run(run_id, said.get("name", "").strip())
        case "tag":
            key, equals, value = said.get("tag", "").partition("=")
            if not equals:
                raise UserError(f"{said.get('tag', '')!r} is no tag. Write it as key=value.")
            writer.tag_runs([run_id], key.strip(), value.strip())
        case "untag":
            writer.untag_runs([run_id], said.get("tag", ""))
        case "restore":
            writer.restore_runs([run_id])
        case other:
            raise UserError(f"Nothing is done with a run that is called {other!r}. Use the buttons of its page.")


def _stored(kept: StoredFile) -> Response:
    """Bytes that somebody logged: downloaded, never opened as a page of ours.

    Pictures and sounds have their type, so that they can be shown within a page, where nothing of them runs.
    """
    shown = kept.media_type if kept.media_type in IMAGES | SOUNDS else "application/octet-stream"
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, no-cache"}
    return FileResponse(kept.path, media_type=shown, filename=PurePosixPath(kept.name).name, headers=headers)
