"""Runs side by side, each address asked as the page `/compare` is."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from homeostat.api.answers import answer
from homeostat.api.ports import Reader
from homeostat.core.errors import UserError


def comparison_routes(reader: Reader) -> list[Route]:
    """`/api/compare` as the page shows it, `/api/compare/curves?width=` for a picture of some pixels, `/api/compare.csv`."""

    def comparison(request: Request) -> Response:
        return answer(reader.comparison(request.query_params.multi_items()))

    def curves(request: Request) -> Response:
        width = request.query_params.get("width", "")
        if not width.isdecimal():
            raise UserError(f"width={width!r} is not a number. Give the pixels of the picture, such as width=500.")
        return answer(reader.comparison_curves(request.query_params.multi_items(), int(width)))

    def table(request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="runs.csv"'}
        return Response(
            reader.comparison_table(request.query_params.multi_items()), media_type="text/csv", headers=headers
        )

    return [Route("/api/compare", comparison), Route("/api/compare/curves", curves), Route("/api/compare.csv", table)]
