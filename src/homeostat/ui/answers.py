"""How a context becomes an answer."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse

from homeostat.ui.contexts import Context
from homeostat.ui.render import render


def answer(read: Callable[[Request], Context]) -> Callable[[Request], HTMLResponse]:
    """An endpoint that renders what `read` gives; nobody may keep it."""

    def answered(request: Request) -> HTMLResponse:
        return HTMLResponse(render(read(request)), headers={"Cache-Control": "no-store"})

    return answered
