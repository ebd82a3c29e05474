"""The addresses of the API. Instants are microseconds since 1970-01-01 UTC, as everywhere in Homeostat."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from homeostat.api.answers import answer
from homeostat.api.comparison import comparison_routes
from homeostat.api.ports import Reader
from homeostat.core.errors import UserError


def api_routes(reader: Reader) -> list[Route]:
    """`/api/status`, `/api/systems/{name}`, `/api/decisions?system=&kind=&before=`; `/api/runs` with the words of the list's
    address, such as `?q=metrics.loss < 0.3&order=metrics.loss ASC`, and the next page's in `older`; of one run
    `/api/runs/{id}?tab=` with the words of its page, and `/api/runs/{id}/curves?key=&key=&x=&from=&to=&width=`; of several
    runs `comparison_routes`.
    """

    def status(_request: Request) -> Response:
        return answer(reader.overview())

    def system(request: Request) -> Response:
        return answer(reader.system(request.path_params["name"]))

    def decisions(request: Request) -> Response:
        query = request.query_params
        before = query.get("before", "")
        if before and not before.isdecimal():
            raise UserError(f"before={before!r} is not a number. Give the `older` of the answer before.")
        return answer(
            reader.decisions(
                system=query.get("system", ""), kind=query.get("kind", ""), before=int(before) if before else None
            )
        )

    def run(request: Request) -> Response:
        return answer(reader.run(request.path_params["id"], request.query_params))

    def curves(request: Request) -> Response:
        query = request.query_params
        return answer(reader.curves(request.path_params["id"], query.getlist("key"), query))

    def runs(request: Request) -> Response:
        return answer(reader.found_runs(request.query_params.multi_items()))

    return [
        *comparison_routes(reader),
        Route("/api/runs", runs),
        Route("/api/runs/{id}", run),
        Route("/api/runs/{id}/curves", curves),
        Route("/api/status", status),
        Route("/api/systems/{name}", system),
        Route("/api/decisions", decisions),
    ]
