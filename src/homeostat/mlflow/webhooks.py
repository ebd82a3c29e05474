"""Webhooks: clients say who wants to hear of what."""

import re
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from homeostat.mlflow.call import Call, Endpoint
from homeostat.mlflow.delivery import send
from homeostat.mlflow.wire import Asked, Fault, address, millis, present
from homeostat.registry import outbox
from homeostat.registry.outbox import Webhook, WebhookStatus

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", re.IGNORECASE)
_EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)
_STATUSES: dict[str, WebhookStatus] = {"ACTIVE": "active", "DISABLED": "disabled"}
_MOST_PAGE = 1000


class Event(msgspec.Struct, frozen=True, kw_only=True):
    entity: str = ""
    action: str = ""


class Create(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "url", "events")
    name: str = ""
    url: str = ""
    events: tuple[Event, ...] = ()
    description: str = ""
    secret: str = ""
    status: str = ""


class One(Asked, frozen=True, kw_only=True):
    webhook_id: str = ""


class Update(One, frozen=True, kw_only=True):
    name: str = ""
    url: str = ""
    events: tuple[Event, ...] = ()
    description: str | None = None
    secret: str | None = None
    status: str = ""


class List(Asked, frozen=True, kw_only=True):
    max_results: int = 100
    page_token: str = ""


class Test(One, frozen=True, kw_only=True):
    event: Event | None = None


def create(call: Call, asked: Create) -> dict[str, Any]:
    webhook = Webhook(
        id=str(uuid.uuid4()),
        name=_name(asked.name),
        description=asked.description,
        url=_url(asked.url),
        events=_events(asked.events),
        secret=asked.secret,
        status=_status(asked.status or "ACTIVE"),
        created_at=call.now,
        updated_at=call.now,
    )
    outbox.add(call.connection, webhook)
    return {"webhook": _shown(webhook)}


def get(call: Call, asked: One) -> dict[str, Any]:
    return {"webhook": _shown(outbox.get(call.connection, asked.webhook_id))}


def listed(call: Call, asked: List) -> dict[str, Any]:
    if not 1 <= asked.max_results <= _MOST_PAGE:
        raise Fault(f"max_results must be between 1 and {_MOST_PAGE}.")
    found = outbox.every(call.connection, limit=asked.max_results + 1, after=asked.page_token)
    shown = found[: asked.max_results]
    token = shown[-1].id if len(found) > len(shown) else None
    return present(webhooks=list(map(_shown, shown)), next_page_token=token)


def update(call: Call, asked: Update) -> dict[str, Any]:
    webhook = outbox.get(call.connection, asked.webhook_id)
    changed: dict[str, Any] = {"updated_at": call.now}
    if asked.name:
        changed["name"] = _name(asked.name)
    if asked.url:
        changed["url"] = _url(asked.url)
    if asked.events:
        changed["events"] = _events(asked.events)
    if asked.description is not None:
        changed["description"] = asked.description
    if asked.secret is not None:
        changed["secret"] = asked.secret
    if asked.status:
        changed["status"] = _status(asked.status)
    webhook = msgspec.structs.replace(webhook, **changed)
    outbox.change(call.connection, webhook)
    return {"webhook": _shown(webhook)}


def delete(call: Call, asked: One) -> dict[str, Any]:
    outbox.remove(call.connection, asked.webhook_id)
    return {}


def tried(call: Call, asked: Test) -> dict[str, Any]:
    """Send an example now, once, and say what came of it."""
    webhook = outbox.get(call.connection, asked.webhook_id)
    event = _events([asked.event])[0] if asked.event else webhook.events[0]
    example = {"name": "example_model", "version": "1", "key": "example_key", "value": "example_value"}
    answer = send(webhook, uuid.uuid4().hex, outbox.message(event, example, call.now))
    return {
        "result": present(
            success=answer.is_success,
            response_status=answer.status or None,
            response_body=answer.body or None,
            error_message=answer.error or None,
        )
    }


def _shown(webhook: Webhook) -> dict[str, Any]:
    """The secret is not told to anybody."""
    return present(
        webhook_id=webhook.id,
        name=webhook.name,
        description=webhook.description or None,
        url=webhook.url,
        events=[
            {"entity": entity.upper(), "action": action.upper()}
            for entity, _, action in (event.rpartition(".") for event in webhook.events)
        ],
        status=webhook.status.upper(),
        creation_timestamp=millis(webhook.created_at),
        last_updated_timestamp=millis(webhook.updated_at),
    )


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Fault(
            f"Webhook name {name!r} is invalid. It must start and end with a letter or digit, be less than 63 characters long, "
            "and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    return name


def _url(url: str) -> str:
    parts = address(url)
    is_hidden = any(ord(sign) <= 32 or sign == "\\" for sign in url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or is_hidden:
        raise Fault(f"Invalid webhook URL: {url!r}. It must begin with https:// or http:// and name a host.")
    return url


def _events(said: Sequence[Event]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(f"{event.entity.lower()}.{event.action.lower()}" for event in said))
    unknown = [event for event in found if event not in _EVENTS]
    if unknown:
        raise Fault(f"Invalid webhook events: {unknown}. There are: {', '.join(_EVENTS)}.")
    return found


def _status(said: str) -> WebhookStatus:
    if said.upper() not in _STATUSES:
        raise Fault(f"Invalid value '{said}' for parameter 'status' supplied. It is one of {', '.join(_STATUSES)}.")
    return _STATUSES[said.upper()]


_ONE = "webhooks/{webhook_id}"
ENDPOINTS = (
    Endpoint(methods=("POST",), path="webhooks", asked=Create, handler=create),
    Endpoint(methods=("GET",), path="webhooks", asked=List, handler=listed, writes=False),
    Endpoint(methods=("GET",), path=_ONE, asked=One, handler=get, writes=False),
    Endpoint(methods=("PATCH",), path=_ONE, asked=Update, handler=update),
    Endpoint(methods=("DELETE",), path=_ONE, asked=One, handler=delete),
    Endpoint(methods=("POST",), path=f"{_ONE}/test", asked=Test, handler=tried, writes=False),
)
