"""Telling webhooks: signed, one attempt at a time, later again if it fails.

A receiver lies outside of this machine and its network: whoever may register one must not be able to make the server speak to
what only the server can reach. So the address is resolved first, must be public, and is the one that is connected to.
"""

import base64
import hashlib
import hmac
import ipaddress
import logging
import os
import socket
import threading
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from sqlalchemy.exc import SQLAlchemyError

from homeostat.core.errors import HomeostatError
from homeostat.mlflow.call import Rooms
from homeostat.registry import outbox
from homeostat.registry.outbox import Webhook

PRIVATE_VARIABLE = "HOMEOSTAT_WEBHOOKS_TO_PRIVATE_ADDRESSES"
_TIMEOUT_S = 10.0
_EVERY_S = 1.0
_MOST_BODY = 4096  # of an answer that is shown
_ROUTED = ipaddress.ip_network("2000::/3")
_PROTOCOL = ipaddress.ip_network("192.0.0.0/24")  # RFC 6890: of protocols, not of hosts
_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What a receiver said; `status` is 0 and `error` says why if nothing came."""

    is_success: bool
    status: int = 0
    body: str = ""
    error: str = ""


def signature(secret: str, delivery_id: str, timestamp: str, body: str) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."""
    signed = f"{delivery_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def send(webhook: Webhook, delivery_id: str, body: str) -> Answer:
    """One attempt. Never raises for what the receiver does."""
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": timestamp,
    }
    if webhook.secret:
        headers["X-MLflow-Signature"] = signature(webhook.secret, delivery_id, timestamp, body)
    try:
        url, host = _pinned(webhook.url)
        extensions = {"sni_hostname": host.rpartition(":")[0] or host}
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "POST", url, content=body.encode(), headers={**headers, "Host": host}, extensions=extensions
            ) as response,
        ):
            # As it came: a small answer that unpacks to a large one is not unpacked.
            said = next(response.iter_raw(_MOST_BODY), b"")
            return Answer(response.is_success, response.status_code, said.decode(errors="replace"))
    except (httpx.HTTPError, OSError, ValueError) as error:
        return Answer(is_success=False, error=str(error) or type(error).__name__)


def deliver(rooms: Rooms) -> int:
    """Try every delivery whose time has come.

    Returns: how many were delivered.
    """
    with rooms.database.read() as connection:
        waiting = outbox.due(connection, rooms.clock.now())
        receivers = {hook.id: hook for hook in outbox.every(connection)} if waiting else {}
    delivered = 0
    for one in waiting:
        webhook = receivers.get(one.webhook_id)
        answer = Answer(is_success=False, error="It was removed.")
        if webhook is not None:
            answer = send(webhook, one.id, one.body)
        delivered += answer.is_success
        with rooms.database.write() as connection:
            is_kept = outbox.settle(connection, one, rooms.clock.now(), is_delivered=answer.is_success)
        if not answer.is_success:
            again = "It is tried again later." if is_kept else "It was given up."
            _log.warning("Webhook %s did not take delivery %s: %s %s", one.webhook_id, one.id, answer, again)
    return delivered


class Postman:
    """Delivers in a thread of its own until it is stopped."""

    def __init__(self, rooms: Rooms, every_s: float = _EVERY_S) -> None:
        self._rooms = rooms
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the attempt that is under way; what is undelivered stays in the outbox."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                deliver(self._rooms)
            except (SQLAlchemyError, HomeostatError, OSError):
                # The outbox keeps what was not delivered; a broken look must not end all later ones.
                _log.exception("Webhooks could not be delivered.")


def _pinned(url: str) -> tuple[str, str]:
    """The URL with the address instead of the name, and what stands in the Host header.

    Raises: ValueError if the address is not public. OSError if the name has none.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = {str(each[4][0]) for each in found}
    if not os.environ.get(PRIVATE_VARIABLE):
        private = sorted(address for address in addresses if not _is_public(address))
        if private:
            raise ValueError(
                f"{host} is at {', '.join(private)}, which is not a public address. If it is a receiver of yours, set "
                f"{PRIVATE_VARIABLE}=1 for the server."
            )
    address = str(found[0][4][0])
    shown = f"[{address}]" if ":" in address else address
    query = f"?{parts.query}" if parts.query else ""
    named = host if parts.port is None else f"{host}:{parts.port}"
    return f"{parts.scheme}://{shown}:{port}{parts.path or '/'}{query}", named


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None:
            # Only what is routed on the Internet: not the local half of NAT64, nor IPv4 in disguises that are long gone.
            return found in _ROUTED and found.is_global
        found = inner
    return found.is_global and not found.is_multicast and not found.is_reserved and found not in _PROTOCOL
