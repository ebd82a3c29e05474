import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from homeostat.core.errors import NotAllowed, NotFound, Overloaded, PortInUse, StateError, Unavailable
from homeostat.serve.listening import free_port
from homeostat.server.app import create_app, status_of
from homeostat.server.events import Pulse
from homeostat.server.serve import check_loopback
from homeostat.store.db import Database
from homeostat.store.db.schema.store import ledger, metadata
from homeostat.ui.assets import asset_url
from unit.ui import sample_systems
from unit.ui.sample_reader import SampleReader, SampleWriter

HOST = "http://127.0.0.1:8700"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'homeostat.db'}")
    metadata.create_all(opened.engine, tables=[ledger])
    yield opened
    opened.close()


class Client:
    """Asks the application without a network."""

    def __init__(self, app: Starlette) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=HOST) as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def client(database: Database) -> Client:
    return Client(create_app(SampleReader(), SampleWriter(), Pulse(database)))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/systems/late-flights",
        "/decisions?system=late-flights&kind=hold&before=9",
        "/models",
        "/models/late-flights/14",
        "/data",
        "/data/flights",
        "/runs",
        "/runs/run-1",
        "/runs/run-1?tab=curves",
    ],
)
def test_every_page_answers_under_a_strict_policy(client: Client, path: str) -> None:
    """Each page is HTML that may run no inline script and be framed by nobody."""
    answer = client.get(path)

    assert 200 == answer.status_code
    assert "text/html; charset=utf-8" == answer.headers["content-type"]
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "nosniff" == answer.headers["x-content-type-options"]


def test_health_is_plain(client: Client) -> None:
    """A probe needs nothing but a status and two letters."""
    assert (200, "OK") == ((answer := client.get("/health")).status_code, answer.text)


def test_the_address_holds_the_filters(client: Client) -> None:
    """What a page was asked for stands in its address and in its form."""
    html = client.get("/decisions?system=late-flights&kind=hold").text

    assert '<option value="hold" selected>' in html


def test_a_wrong_cursor_is_told(client: Client) -> None:
    """A cursor that is no number is refused by name."""
    answer = client.get("/decisions?before=abc")

    assert 400 == answer.status_code
    assert "before=&#39;abc&#39;" in answer.text


def test_what_is_not_there_says_what_is(client: Client) -> None:
    """The error page carries the message of the room."""
    answer = client.get("/systems/late-flight")

    assert 404 == answer.status_code
    assert "There are: late-flights." in answer.text


def test_an_unknown_address_is_a_page_too(client: Client) -> None:
    """A mistyped address leads back to the overview."""
    answer = client.get("/nowhere")

    assert 404 == answer.status_code
    assert "nothing at /nowhere" in answer.text


def test_a_failure_tells_no_secret(client: Client) -> None:
    """An unexpected error is a page with a number, not a traceback; it is guarded like any other."""
    answer = client.get("/systems/broken")

    assert 500 == answer.status_code
    assert "Traceback" not in answer.text


def test_the_api_speaks_json_of_the_same_contexts(client: Client) -> None:
    """What the page shows is what the API gives."""
    answer = client.get("/api/systems/late-flights")

    assert sample_systems.SYSTEM_PAGE.card.sentence == answer.json()["card"]["sentence"]
    assert len(sample_systems.SYSTEM_PAGE.weeks) == len(answer.json()["weeks"])


def test_the_api_gives_status_and_decisions(client: Client) -> None:
    """Status is the overview; decisions page by cursor."""
    status = client.get("/api/status").json()
    decided = client.get("/api/decisions?before=7").json()

    assert [card.name for card in sample_systems.OVERVIEW.systems] == [card["name"] for card in status["systems"]]
    assert 7 == decided["older"]


def test_the_api_compares_runs(client: Client) -> None:
    """The comparison as the page shows it, its curves for a picture of some width, and a table to keep."""
    page = client.get("/api/compare?run=run-0&run=run-1").json()
    curves = client.get("/api/compare/curves?run=run-0&run=run-1&metric=val/loss&width=300").json()
    table = client.get("/api/compare.csv?run=run-0&run=run-1")

    assert ["run-0", "run-1", "run-2"] == [run["id"] for run in page["runs"]]
    assert "val/loss" == curves["panels"][0]["metric"]
    assert ("text/csv; charset=utf-8", True) == (
        table.headers["content-type"],
        "attachment" in table.headers["content-disposition"],
    )


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/compare/curves?run=run-0&width=wide", 400, "invalid"),
        ("/api/compare?x=epoch", 400, "invalid"),
        ("/api/systems/x", 404, "not-found"),
        ("/api/nowhere", 404, "not-found"),
        ("/api/decisions?before=x", 400, "invalid"),
        ("/api/systems/busy", 429, "overloaded"),
        ("/api/systems/broken", 500, "internal"),
    ],
)
def test_errors_of_the_api_are_json(client: Client, path: str, status: int, code: str) -> None:
    """A program reads a stable code and a message."""
    answer = client.get(path)

    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])


def test_who_is_overloaded_says_when_to_come_back(client: Client) -> None:
    """429 carries Retry-After."""
    assert "3" == client.get("/systems/busy").headers["retry-after"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8700", "", "[::1"])
def test_other_hosts_are_refused(client: Client, host: str) -> None:
    """A page of another site that rebinds its name to this machine gets nothing."""
    answer = client.get("/", headers={"Host": host})

    assert 403 == answer.status_code
    assert "does not answer for the host" in answer.text


@pytest.mark.parametrize("host", ["localhost:8700", "127.0.0.1", "[::1]:8700"])
def test_this_machine_is_answered_under_its_names(client: Client, host: str) -> None:
    """Loopback has three names, with or without port."""
    assert 200 == client.get("/", headers={"Host": host}).status_code


@pytest.mark.parametrize(("origin", "status"), [("http://evil.example", 403), ("null", 403), (HOST, 200)])
def test_other_sites_are_refused(client: Client, origin: str, status: int) -> None:
    """A request that another site makes from this machine's browser is not answered."""
    assert status == client.get("/", headers={"Origin": origin}).status_code


def test_static_files_are_kept_by_content(client: Client) -> None:
    """A file with its version in the address never changes; without, it is asked for again."""
    kept = client.get(asset_url("style.css"))
    asked = client.get("/static/style.css")

    assert ("public, max-age=31536000, immutable", "no-cache") == (
        kept.headers["cache-control"],
        asked.headers["cache-control"],
    )


def test_no_way_out_of_the_static_files(client: Client) -> None:
    """Only files of the static folder are served."""
    assert 404 == client.get("/static/%2e%2e/render.py").status_code


async def _first(pulse: Pulse, database: Database) -> list[str]:
    stream = pulse.stream()
    first = await anext(stream)
    with database.write() as connection:
        connection.execute(ledger.insert().values(at=1, kind="x", system="", actor="local", body="{}"))
    second = await anext(stream)
    pulse.stop()
    return [first, second, *[rest async for rest in stream]]


def test_pages_hear_of_each_movement(database: Database) -> None:
    """The stream begins in silence, says the newest id when the ledger moved, and ends when it is stopped."""
    said = asyncio.run(_first(Pulse(database, every_s=0.01), database))

    assert ["id: 0\n\n", "id: 1\nevent: ledger\ndata: 1\n\n"] == said


def test_who_comes_back_hears_what_was_missed(database: Database) -> None:
    """A browser that names the last id it saw is told of the movement since."""

    async def first() -> str:
        return await anext(Pulse(database).stream(seen=7))

    assert "id: 0\nevent: ledger\ndata: 0\n\n" == asyncio.run(first())


def test_each_error_has_its_status() -> None:
    """The nearest listed ancestor decides; what is nobody's fault but ours is 500."""
    errors = [NotFound("x"), PortInUse("x"), NotAllowed("x"), Overloaded("x"), Unavailable("x"), StateError("x")]

    assert [404, 400, 403, 429, 503, 500] == [status_of(error) for error in errors]


@pytest.mark.parametrize("host", ["192.168.1.7", "::", "example.com"])
def test_only_loopback_is_served(host: str) -> None:
    """Without authentication nobody but this machine may reach the server."""
    with pytest.raises(NotAllowed, match="no authentication"):
        check_loopback(host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_loopback_has_many_names(host: str) -> None:
    """Any loopback address will do."""
    check_loopback(host)


def test_a_taken_port_is_named() -> None:
    """Before anything starts, the message says which port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"Port {port} of 127.0.0.1 is taken"):
            free_port("127.0.0.1", port, "server")


def test_port_zero_takes_a_free_one() -> None:
    """Tests and demos need no fixed port."""
    assert 0 < free_port("127.0.0.1", 0, "server")
