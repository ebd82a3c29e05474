"""What every answer carries and every request must show.

The embedded default has one local user and no passwords, so the server must know that a request really comes from
this machine's browser for this server: the Host header stops DNS rebinding, the Origin header stops other sites.
"""

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9a-zA-Z.-]+))(?::[0-9]{1,5})?")

HEADERS = {
    # No inline script or style: JSON travels in script elements that are not executed.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class Guard:
    """Refuses requests for other hosts or from other sites, and adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str] = LOOPBACK) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                named = {name for name, _ in headers}  # an answer may be stricter than pages are
                message["headers"] = headers + [pair for pair in _RAW_HEADERS if pair[0] not in named]
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        answer = PlainTextResponse(refusal, status_code=403) if refusal else self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, headers: Headers) -> str:
        """Why a request is not answered, or nothing."""
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ", ".join(hosts)
        if _name(host) not in self._hosts:
            return (
                f"This server does not answer for the host {host!r}: it serves {', '.join(sorted(self._hosts))} only, "
                f"so that no other site can reach it through your browser. Open it under one of these names."
            )
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{host}", f"https://{host}"}:
            return f"This server does not answer requests that {origin} makes. Open the page itself: http://{host}/"
        return ""


def _name(host: str) -> str:
    """The host without its port, an IPv6 address without its brackets; empty if it is no host and nothing else."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""
