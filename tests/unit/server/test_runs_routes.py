"""The addresses of the list of runs: clicks, exports and forms, without a network."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette

from homeostat.server.app import create_app
from homeostat.server.events import Pulse
from homeostat.store.db import Database
from unit.ui.sample_reader import SampleReader, SampleWriter

HOST = "http://127.0.0.1:8700"
SAME = {"Origin": HOST}
TWO = [("run", "run-1"), ("run", "run-2"), ("run", "run-1")]


class Site:
    """The application over sample pages, and what its forms did."""

    def __init__(self, database: Database) -> None:
        self.writer = SampleWriter()
        self.app: Starlette = create_app(SampleReader(), self.writer, Pulse(database))

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
                return await client.request(method, path, **given)

        return asyncio.run(answer())

    def send(self, pairs: list[tuple[str, str]], path: str = "/runs", **headers: str) -> httpx.Response:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, content=urlencode(pairs), headers={**kind, **(headers or SAME)})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    database = Database(f"sqlite:///{tmp_path / 'homeostat.db'}")
    yield Site(database)
    database.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "nobody says who asks"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HOST},
    ],
)
@pytest.mark.parametrize("path", ["/runs", "/runs/views"])
def test_only_a_page_of_this_server_changes_anything(site: Site, path: str, headers: dict[str, str]) -> None:
    """Another site, or a request that does not prove where it comes from, gets 403, and nothing is done."""
    answer = site.send([*TWO, ("action", "archive"), ("sure", "yes"), ("name", "a")], path, **headers)

    assert (403, []) == (answer.status_code, site.writer.done)


@pytest.mark.parametrize(
    "headers", [SAME, {"Sec-Fetch-Site": "same-origin"}, {**SAME, "Sec-Fetch-Site": "same-origin"}]
)
def test_what_a_browser_says_is_enough(site: Site, headers: dict[str, str]) -> None:
    """Origin or Sec-Fetch-Site, whichever a browser sends, lets its page act."""
    assert 303 == site.send([*TWO, ("action", "restore")], **headers).status_code


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ([("action", "tag"), ("tag", " team = a=b ")], ("tag", ["run-1", "run-2"], "team", "a=b")),
        ([("action", "untag"), ("tag", "team")], ("untag", ["run-1", "run-2"], "team")),
        ([("action", "archive"), ("sure", "yes")], ("archive", ["run-1", "run-2"])),
        ([("action", "restore")], ("restore", ["run-1", "run-2"])),
    ],
)
def test_a_form_acts_and_leads_back(site: Site, said: list[tuple[str, str]], done: tuple[object, ...]) -> None:
    """Each run is meant once; afterwards the browser stands where it was, and a reload repeats nothing."""
    answer = site.send([*TWO, *said, ("back", "q=status+%3D+%27failed%27&order=metrics.loss+ASC")])

    assert [done] == site.writer.done
    assert (303, "/runs?q=status+%3D+%27failed%27&order=metrics.loss+ASC") == (
        answer.status_code,
        answer.headers["location"],
    )


def test_archiving_asks_first(site: Site) -> None:
    """Without the yes of the question nothing is archived; the question names the runs and says they come back."""
    asked = site.send([*TWO, ("action", "archive"), ("back", "q=x")])
    question = site.ask("GET", asked.headers["location"])

    assert (303, "/runs/archive?run=run-1&run=run-2&back=q%3Dx", []) == (
        asked.status_code,
        asked.headers["location"],
        site.writer.done,
    )
    assert all(text in question.text for text in ("trial-1", "trial-2", "can be restored", 'name="sure" value="yes"'))


@pytest.mark.parametrize(
    ("action", "location"),
    [
        ("compare", "/compare?run=run-1&run=run-2"),
        ("csv", "/runs/export?format=csv&order=metrics.a+ASC&run=run-1&run=run-2"),
    ],
)
def test_some_buttons_only_lead_on(site: Site, action: str, location: str) -> None:
    """Comparison and export have addresses of their own."""
    answer = site.send([*TWO, ("action", action), ("back", "order=metrics.a+ASC")])

    assert (303, location, []) == (answer.status_code, answer.headers["location"], site.writer.done)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("action", "restore")], "No run is selected"),
        ([*TWO, ("action", "tag"), ("tag", "team")], "key=value"),
        ([*TWO, ("action", "explode")], "explode"),
        ([*TWO, ("action", "tag"), ("tag", "a=" + "b" * 1_100_000)], "more than 1,000,000 bytes"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(site: Site, pairs: list[tuple[str, str]], message: str) -> None:
    """No run, no tag, no such verb, too much: 400 with what to do, and nothing is done."""
    answer = site.send(pairs)

    assert (400, []) == (answer.status_code, site.writer.done)
    assert message in answer.text


def test_a_form_is_a_form(site: Site) -> None:
    """JSON is not what a page sends."""
    answer = site.ask("POST", "/runs", json={"run": "run-1"}, headers=SAME)

    assert (400, []) == (answer.status_code, site.writer.done)


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "q=a\r\nSet-Cookie:x", "&evil=1"])
def test_the_way_back_leads_to_the_list(site: Site, back: str) -> None:
    """Nothing that stands in the form leads elsewhere."""
    location = site.send([*TWO, ("action", "restore"), ("back", back)]).headers["location"]

    assert location.startswith("/runs?q=")
    assert "evil" not in location


def test_a_view_is_kept_as_the_page_says_it(site: Site) -> None:
    """The query is kept without page and panel; a view is removed by name."""
    back = ("back", "q=a&page=token&panel=columns&evil=1")
    site.send([("name", "best"), ("default", "yes"), ("action", "save"), back], "/runs/views")
    site.send([("name", "best"), ("action", "remove"), back], "/runs/views")

    assert [("save", "best", "q=a", True), ("remove", "best")] == site.writer.done


def test_a_click_leads_to_its_address(site: Site) -> None:
    """A click in the table is answered by the list it asks for, so that the address is the state."""
    answer = site.ask("GET", "/runs?order=metrics.a+ASC&shown=status&only=0.failed")

    assert (303, "/runs?q=0.failed&order=metrics.a+ASC") == (answer.status_code, answer.headers["location"])


@pytest.mark.parametrize(
    ("form", "kind", "name"),
    [
        ("csv", "text/csv; charset=utf-8", "runs.csv"),
        ("json", "application/json", "runs.json"),
        ("notebook", "application/x-ipynb+json", "runs.ipynb"),
    ],
)
def test_an_export_is_a_file(site: Site, form: str, kind: str, name: str) -> None:
    """The browser gets it under a name, of the runs the address asks for."""
    answer = site.ask("GET", f"/runs/export?format={form}&q=a")

    assert (200, kind, f"{form} of a\n") == (answer.status_code, answer.headers["content-type"], answer.text)
    assert f'filename="{name}"' in answer.headers["content-disposition"]


def test_the_api_takes_the_words_of_the_address(site: Site) -> None:
    """What a page shows is what a program gets."""
    answer = site.ask("GET", "/api/runs?q=status+%3D+%27failed%27&pin=run-1").json()

    assert ("status = 'failed'", ["run-1"]) == (answer["asked"]["text"], answer["asked"]["pins"])
    assert "trial-2" == answer["rows"][0]["name"]
