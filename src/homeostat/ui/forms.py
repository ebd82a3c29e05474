"""What the forms of pages send. Only a page of this server may send one.

A browser says itself where a form comes from, and no page can make it lie: by Sec-Fetch-Site, or by Origin. A request that says
neither proves nothing and is refused; programs use the API, MLflow's protocol or the command line.
"""

from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from homeostat.core.errors import NotAllowed, UserError

_MOST_BYTES = 1_000_000
_FORM = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> list[tuple[str, str]]:
    """Names and values in the sequence of the page.

    Raises: NotAllowed if it does not come from a page of this server. UserError if it is no form, or too large.
    """
    check_same_origin(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise UserError(f"A form of a page is {_FORM}; this is {kind or 'of no kind'}. Send it from the page.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise UserError(f"The form has more than {_MOST_BYTES:,} bytes. Choose fewer runs at once.")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100_000)
    except ValueError as error:
        raise UserError(f"The form cannot be read ({error}). Send it from the page again.") from None


def check_same_origin(request: Request) -> None:
    """Raises: NotAllowed unless the browser says that a page of this server asks."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    says_same = [site == "same-origin"] if site is not None else []
    if origin is not None:
        says_same.append(urlsplit(origin).netloc == request.headers.get("host"))
    if not says_same or not all(says_same):
        who = origin or site or "a program that names no page"
        raise NotAllowed(
            f"{who} may not change anything here: only a page of this server may, so that no other site acts in your name. "
            f"Do it on the page, or by the command line."
        )
