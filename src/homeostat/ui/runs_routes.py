"""The addresses of the list of runs: the page, its export, and what its forms do.

After a form the browser is sent back to where it was, so that a reload repeats nothing.
"""

from collections.abc import Sequence
from itertools import chain
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from homeostat.core.errors import UserError
from homeostat.ui.contexts.runs_query import RunsQuery
from homeostat.ui.forms import read_form
from homeostat.ui.ports import Reader, Writer
from homeostat.ui.render import render

_CLICKS = frozenset({"only", "not", "sort", "toggle"})
_SEE_OTHER = 303
_MEDIA = {
    "csv": ("text/csv; charset=utf-8", "runs.csv"),
    "json": ("application/json", "runs.json"),
    "notebook": ("application/x-ipynb+json", "runs.ipynb"),
}


def runs_routes(reader: Reader, writer: Writer) -> list[Route]:
    """Reads run in threads, so that a slow one holds up nobody else."""
    desk = _Desk(reader, writer)
    return [
        Route("/runs", desk.page, methods=["GET"]),
        Route("/runs", desk.act, methods=["POST"]),
        Route("/runs/archive", desk.ask, methods=["GET"]),
        Route("/runs/export", desk.export, methods=["GET"]),
        Route("/runs/views", desk.views, methods=["POST"]),
    ]


class _Desk:
    """Answers, over one reader and one writer."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def page(self, request: Request) -> Response:
        pairs = request.query_params.multi_items()
        asked = RunsQuery.of(pairs)
        if any(name in _CLICKS for name, _ in pairs):
            return _to(self._reader.clicked(asked, pairs).address())
        if not pairs and (first := self._reader.first_view()):
            return _to(f"/runs?{first}")
        return _html(render(self._reader.runs(asked)))

    def ask(self, request: Request) -> Response:
        """The question before runs are archived."""
        pairs = request.query_params.multi_items()
        return _html(render(self._reader.archive(_runs(pairs), _back(pairs))))

    def export(self, request: Request) -> Response:
        pairs = request.query_params.multi_items()
        form = request.query_params.get("format", "csv")
        parts = self._reader.exported(RunsQuery.of(pairs), form, [value for name, value in pairs if name == "run"])
        first = next(parts)  # what cannot be read is said before the file begins
        media_type, name = _MEDIA[form]
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingResponse(chain([first], parts), media_type=media_type, headers=headers)

    async def act(self, request: Request) -> Response:
        pairs = await read_form(request)
        return await run_in_threadpool(self._act, pairs)

    async def views(self, request: Request) -> Response:
        pairs = await read_form(request)
        return await run_in_threadpool(self._views, pairs)

    def _act(self, pairs: Sequence[tuple[str, str]]) -> Response:
        said, ids, back = dict(pairs), _runs(pairs), _back(pairs)
        match said.get("action", ""):
            case "tag":
                key, equals, value = said.get("tag", "").partition("=")
                if not equals:
                    raise UserError(f"{said.get('tag', '')!r} is no tag. Write it as key=value.")
                self._writer.tag_runs(ids, key.strip(), value.strip())
            case "untag":
                self._writer.untag_runs(ids, said.get("tag", "").partition("=")[0].strip())
            case "archive" if said.get("sure") == "yes":
                self._writer.archive_runs(ids)
            case "archive":
                return _to("/runs/archive?" + urlencode([*(("run", id_) for id_ in ids), ("back", back)]))
            case "restore":
                self._writer.restore_runs(ids)
            case "compare":
                return _to("/compare?" + urlencode([("run", id_) for id_ in ids]))
            case "csv" | "json" | "notebook" as form:
                order = [("order", order) for order in RunsQuery.of(parse_qsl(back)).order]
                return _to("/runs/export?" + urlencode([("format", form), *order, *(("run", id_) for id_ in ids)]))
            case other:
                raise UserError(f"Nothing is done with runs that is called {other!r}. Use the buttons of the list.")
        return _to(f"/runs?{back}")

    def _views(self, pairs: Sequence[tuple[str, str]]) -> Response:
        said, back = dict(pairs), _back(pairs)
        if said.get("action") == "remove":
            self._writer.remove_view(said.get("name", ""))
        else:
            query = RunsQuery.of(parse_qsl(back)).query(page="", panel="", opened="")
            self._writer.save_view(said.get("name", ""), query, is_default=said.get("default") == "yes")
        return _to(f"/runs?{back}")


def _runs(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Raises: UserError if no run was selected."""
    ids = list(dict.fromkeys(value for name, value in pairs if name == "run" and value))
    if not ids:
        raise UserError("No run is selected. Go back, tick the boxes before some runs, and try again.")
    return ids


def _back(pairs: Sequence[tuple[str, str]]) -> str:
    """The list a form stands on, as its address says it; nothing else can be smuggled into the way back."""
    given = next((value for name, value in reversed(pairs) if name == "back"), "")
    return RunsQuery.of(parse_qsl(given)).query() or "q="


def _to(address: str) -> Response:
    return RedirectResponse(address, status_code=_SEE_OTHER, headers={"Cache-Control": "no-store"})


def _html(text: str) -> Response:
    return HTMLResponse(text, headers={"Cache-Control": "no-store"})
