"""The addresses of the pages. Every state of a page lives in its address."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.routing import Route

from homeostat.core.errors import UserError
from homeostat.ui.answers import answer
from homeostat.ui.contexts import Context
from homeostat.ui.ports import Reader


def page_routes(reader: Reader) -> list[Route]:
    """A route for each page; reads run in threads, so that a slow one holds up nobody else."""

    def decisions(request: Request) -> Context:
        query = request.query_params
        return reader.decisions(system=query.get("system", ""), kind=query.get("kind", ""), before=_before(request))

    def models(request: Request) -> Context:
        return reader.models(system=request.query_params.get("system", ""), before=_before(request))

    def dataset(request: Request) -> Context:
        return reader.dataset(
            request.path_params["name"],
            number=request.path_params.get("number"),
            before=_before(request),
            is_profiled=request.query_params.get("profile") == "1",
        )

    def difference(request: Request) -> Context:
        number = request.path_params["number"]
        against = _number(request, "against")
        return reader.difference(
            request.path_params["name"],
            before=number - 1 if against is None else against,
            after=number,
            key=request.query_params.get("key", ""),
        )

    def pipeline(request: Request) -> Context:
        query = request.query_params
        return reader.pipeline(
            request.path_params["name"], run_id=query.get("run", ""), before=query.get("before") or None
        )

    pages: dict[str, Callable[[Request], Context]] = {
        "/": lambda _: reader.overview(),
        "/systems/{name}": lambda request: reader.system(request.path_params["name"]),
        "/decisions": decisions,
        "/models": models,
        "/models/{system}/{number:int}": lambda request: reader.model(
            request.path_params["system"], request.path_params["number"]
        ),
        "/data": lambda _: reader.data(),
        "/data/{name}": dataset,
        "/data/{name}/{number:int}": dataset,
        "/data/{name}/{number:int}/diff": difference,
        "/pipelines": lambda _: reader.pipelines(),
        "/pipelines/{name}": pipeline,
        "/compare": lambda request: reader.comparison(request.query_params.multi_items()),
    }
    return [Route(path, answer(read)) for path, read in pages.items()]


def _before(request: Request) -> int | None:
    return _number(request, "before")


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not text.isdecimal():
        raise UserError(f"{name}={text!r} in the address is not a number. Follow the links of a page.")
    return int(text)
