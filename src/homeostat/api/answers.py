"""How the API answers."""

import msgspec
from starlette.responses import Response


def answer(body: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-store"})
