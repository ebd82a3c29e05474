import pytest

from homeostat.core.clock import Micros
from homeostat.mlflow import delivery
from homeostat.mlflow.call import Rooms
from homeostat.mlflow.delivery import Answer, deliver, send, signature
from homeostat.registry import outbox
from homeostat.registry.outbox import Webhook
from unit.mlflow.conftest import Door


def webhook(url: str = "https://example.com/x") -> Webhook:
    return Webhook(
        id="w",
        name="w",
        description="",
        url=url,
        events=("registered_model.created",),
        secret="s",
        status="active",
        created_at=Micros(0),
        updated_at=Micros(0),
    )


def test_a_signature_is_that_of_the_protocol() -> None:
    """Receivers check version, id, time and body by HMAC-SHA256."""
    assert "v1,NpYJqeRn83gufU1q47yBVrZapcgogcUvE2otEmF9+AU=" == signature("key", "id", "12", "{}")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]"])
def test_a_webhook_does_not_reach_behind_the_server(address: str) -> None:
    """Addresses that are not public are refused, in whatever spelling."""
    answer = send(webhook(f"http://{address}:9/x"), "id", "{}")

    assert "not a public address" in answer.error


def test_what_was_not_taken_is_tried_again(door: Door, rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed delivery stays in the outbox with its id, until it is taken."""
    with rooms.database.write() as connection:
        outbox.add(connection, webhook())
    door.ok("POST", "registered-models/create", {"name": "m"})
    ids = []

    def attempt(_webhook: Webhook, delivery_id: str, _body: str) -> Answer:
        ids.append(delivery_id)
        return Answer(is_success=len(ids) > 1)

    monkeypatch.setattr(delivery, "send", attempt)
    counts = [deliver(rooms), deliver(rooms)]
    with rooms.database.read() as connection:
        later = outbox.due(connection, Micros(rooms.clock.now() + 60_000_000))

    assert ([0, 0], ids) == (counts, [one.id for one in later])
