"""Webhooks: who wants to hear of what, and what is still to be told.

An event is written in the transaction of the rows it speaks of, one delivery for each webhook that wants it. So nothing is
told that did not happen, and what happened is told at least once, also after a crash; a receiver knows a repetition by the
delivery's id.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from homeostat.core.clock import SECOND, Micros, iso
from homeostat.core.errors import NotFound
from homeostat.store.db.schema.registry import webhook_deliveries, webhooks

WebhookStatus = Literal["active", "disabled"]
MOST_ATTEMPTS = 12  # the last one comes some 17 hours after the first
_FIRST_PAUSE_S = 15
_LONGEST_PAUSE_S = 6 * 60 * 60


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver of events, each named `entity.action`.

    Attributes:
        secret: the key of its signatures; empty if it wants none.
    """

    id: str
    name: str
    description: str
    url: str
    events: tuple[str, ...]
    secret: str
    status: WebhookStatus
    created_at: Micros
    updated_at: Micros


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook; `body` is JSON."""

    id: str
    webhook_id: str
    body: str
    attempts: int


def add(connection: Connection, webhook: Webhook) -> None:
    connection.execute(insert(webhooks).values(_row(webhook)))


def change(connection: Connection, webhook: Webhook) -> None:
    """Write a webhook as it is now."""
    connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(_row(webhook)))


def remove(connection: Connection, webhook_id: str) -> None:
    """Raises: NotFound."""
    if not connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id)).rowcount:
        raise _absent(webhook_id)
    connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook_id == webhook_id))


def get(connection: Connection, webhook_id: str) -> Webhook:
    """Raises: NotFound."""
    found = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).mappings().first()
    if found is None:
        raise _absent(webhook_id)
    return _webhook(found)


def every(connection: Connection, *, limit: int = 1000, after: str = "") -> list[Webhook]:
    """Webhooks by id, from behind `after`."""
    query = select(webhooks).where(webhooks.c.id > after).order_by(webhooks.c.id).limit(limit)
    return [_webhook(row) for row in connection.execute(query).mappings()]


def announce(connection: Connection, event: str, data: Mapping[str, Any], at: Micros) -> None:
    """Write down an event for every active webhook that wants it."""
    wanting = [
        hook
        for hook in connection.execute(select(webhooks).where(webhooks.c.status == "active")).mappings()
        if event in msgspec.json.decode(hook["events"])
    ]
    if not wanting:
        return
    body = message(event, data, at)
    rows = [
        {"id": secrets.token_hex(16), "webhook_id": hook["id"], "body": body, "attempts": 0, "due_at": at}
        for hook in wanting
    ]
    connection.execute(insert(webhook_deliveries), rows)


def message(event: str, data: Mapping[str, Any], at: Micros) -> str:
    """The body of a delivery."""
    entity, _, action = event.rpartition(".")
    said = {"entity": entity, "action": action, "timestamp": iso(at), "data": dict(data)}
    return msgspec.json.encode(said).decode()


def due(connection: Connection, now: Micros, *, limit: int = 100) -> list[Delivery]:
    """Deliveries whose time has come, the longest waiting first."""
    query = select(webhook_deliveries).where(webhook_deliveries.c.due_at <= now)
    rows = connection.execute(query.order_by(webhook_deliveries.c.due_at).limit(limit)).mappings()
    return [Delivery(**{name: row[name] for name in Delivery.__struct_fields__}) for row in rows]


def settle(connection: Connection, delivery: Delivery, now: Micros, *, is_delivered: bool) -> bool:
    """Note how an attempt ended: done, tried again later, or given up.

    Returns: whether it will be tried again.
    """
    this = webhook_deliveries.c.id == delivery.id
    attempts = delivery.attempts + 1
    if is_delivered or attempts >= MOST_ATTEMPTS:
        connection.execute(delete(webhook_deliveries).where(this))
        return False
    pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**delivery.attempts)
    connection.execute(update(webhook_deliveries).where(this).values(attempts=attempts, due_at=now + pause_s * SECOND))
    return True


def _webhook(row: Mapping[Any, Any]) -> Webhook:
    return Webhook(**{**row, "events": tuple(msgspec.json.decode(row["events"]))})


def _row(webhook: Webhook) -> dict[str, Any]:
    return msgspec.structs.asdict(webhook) | {"events": _events(webhook.events)}


def _events(events: Sequence[str]) -> str:
    return msgspec.json.encode(list(events)).decode()


def _absent(webhook_id: str) -> NotFound:
    return NotFound(f"Webhook with ID {webhook_id} not found.")
