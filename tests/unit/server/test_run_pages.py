"""One run over HTTP: events while it is under way, curves and pages as JSON, and files that cannot do harm."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from homeostat.server.app import create_app
from homeostat.server.events import Pulse
from homeostat.track import queries
from homeostat.track.run import Run
from homeostat.ui.reading import Reading
from homeostat.ui.writing import Writing
from homeostat.workspace import Config, Project, Workspace

HOST = "http://127.0.0.1:8700"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "project", Config(project=Project(name="digits"))) as made:
        yield made


def asked(workspace: Workspace, path: str) -> httpx.Response:
    app = create_app(Reading(workspace), Writing(workspace), Pulse(workspace.database))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            return await client.get(path)

    return asyncio.run(ask())


def sent(workspace: Workspace, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
    app = create_app(Reading(workspace), Writing(workspace), Pulse(workspace.database))

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            return await client.post(path, data=form, headers=headers)

    return asyncio.run(send())


def told(event: str) -> dict[str, Any]:
    kind, data = event.split("\n")[:2]
    assert "event: moved" == kind
    return dict(json.loads(data.removeprefix("data: ")))


async def heard(workspace: Workspace, run: Run) -> list[str]:
    stream = Pulse(workspace.database, every_s=0.01).stream_run(run.id)
    said = [await anext(stream)]
    run.log(loss=0.5)
    run.flush()
    said.append(await anext(stream))
    run.params(lr=0.1)
    run.flush()
    said.append(await anext(stream))
    run.finish()
    return [*said, *[rest async for rest in stream]]


def test_a_page_hears_what_moved(workspace: Workspace) -> None:
    """First comes all there is, then only the metrics that have new points; words move it too; the end of the run ends it."""
    run = workspace.runs.start("digits")
    run.log(loss=1.0, accuracy=0.5)
    run.flush()
    first, points, words, last, end = asyncio.run(heard(workspace, run))

    assert {"status": "running", "keys": ["accuracy", "loss"]} == told(first)
    assert {"status": "running", "keys": ["loss"]} == told(points)
    assert {"status": "running", "keys": []} == told(words)
    assert "finished" == told(last)["status"]
    assert end.startswith("event: ended\n")


def test_nodes_of_a_run_are_heard(workspace: Workspace) -> None:
    """A point of a node moves the run it is part of."""

    async def listen(run: Run) -> list[str]:
        stream = Pulse(workspace.database, every_s=0.01).stream_run(run.id)
        said = [await anext(stream)]
        with workspace.runs.start("node-1", kind="node", parent=run.id) as node:
            node.metrics({"system/cpu_percent": 1.0})
        return [*said, await anext(stream)]

    run = workspace.runs.start("digits")
    said = asyncio.run(listen(run))
    run.finish()

    assert ["system/cpu_percent"] == told(said[1])["keys"]


def test_nobody_listens_to_a_run_that_is_not_there(workspace: Workspace) -> None:
    """The stream of an unknown run is refused by name."""
    answer = asked(workspace, "/runs/run-nowhere/events")

    assert 404 == answer.status_code
    assert "run-nowhere" in answer.text


def test_a_program_reads_a_run(workspace: Workspace) -> None:
    """Page and curves are JSON of the same contexts; a metric that is not there is named."""
    with workspace.runs.start("digits", params={"lr": 0.1}) as run:
        for step in range(100):
            run.log(step, loss=1.0)
    page = asked(workspace, f"/api/runs/{run.id}").json()
    curves = asked(workspace, f"/api/runs/{run.id}/curves?key=loss&from=10&to=19&width=300").json()
    missing = asked(workspace, f"/api/runs/{run.id}/curves?key=nothing")

    assert ("overview", "lr") == (page["tab"], page["overview"]["params"][0]["name"])
    assert [float(step) for step in range(10, 20)] == curves["charts"][0]["lines"][0]["x"]
    assert (404, "not-found") == (missing.status_code, missing.json()["error"]["code"])


@pytest.mark.parametrize(
    ("name", "content", "sent_as"),
    [
        ("page.html", "<script>alert(1)</script>", "application/octet-stream"),
        ("run.js", "alert(1)", "application/octet-stream"),
        ("pic.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
        ("folder/notes.txt", "words", "application/octet-stream"),
    ],
)
def test_a_file_is_downloaded_never_opened(workspace: Workspace, name: str, content: str, sent_as: str) -> None:
    """Whatever was logged comes as an attachment in a sandbox; only pictures and sounds keep their type, and no type is guessed."""
    with workspace.runs.start("digits") as run:
        run.text(name, content)
    answer = asked(workspace, f"/runs/{run.id}/files/{name}")

    assert (200, content) == (answer.status_code, answer.text)
    assert sent_as == answer.headers["content-type"]
    assert f'attachment; filename="{Path(name).name}"' == answer.headers["content-disposition"]
    assert "default-src 'none'; sandbox" == answer.headers["content-security-policy"]
    assert "nosniff" == answer.headers["x-content-type-options"]


@pytest.mark.parametrize("name", ["nothing.txt", "..%2f..%2fhomeostat.toml", "%2fetc%2fpasswd"])
def test_only_names_of_the_run_are_served(workspace: Workspace, name: str) -> None:
    """A path is looked up among what the run kept, and nowhere else."""
    with workspace.runs.start("digits") as run:
        run.text("a.txt", "x")

    assert 404 == asked(workspace, f"/runs/{run.id}/files/{name}").status_code


def test_a_part_of_a_file_is_sent_as_it_is(workspace: Workspace) -> None:
    """A player asks for stretches of a sound: they are exact, and nothing compresses them."""
    with workspace.runs.start("digits") as run:
        run.text("long.txt", "0123456789" * 1000)
    app = create_app(Reading(workspace), Writing(workspace), Pulse(workspace.database))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as client:
            headers = {"Range": "bytes=5-9", "Accept-Encoding": "gzip"}
            return await client.get(f"/runs/{run.id}/files/long.txt", headers=headers)

    answer = asyncio.run(ask())

    assert (206, "56789", None) == (answer.status_code, answer.text, answer.headers.get("content-encoding"))


def test_a_damaged_file_is_not_sent(workspace: Workspace) -> None:
    """Bytes that are not what their digest says do not leave the store."""
    with workspace.runs.start("digits") as run:
        run.text("a.txt", "as it was")
    shown = Reading(workspace).file(run.id, "a.txt", "")
    path = Path(shown.path)
    path.chmod(0o644)
    path.write_text("changed")

    assert 500 == asked(workspace, f"/runs/{run.id}/files/a.txt").status_code


def test_the_forms_of_a_page_change_the_run(workspace: Workspace) -> None:
    """Note, name and tags are what the forms said, and the browser is sent back to the page."""
    with workspace.runs.start("digits", tags={"old": "x"}) as run:
        pass
    for form in (
        {"action": "note", "text": "It\r\nholds. "},
        {"action": "rename", "name": " better "},
        {"action": "tag", "tag": "state=good=fine"},
        {"action": "untag", "tag": "old"},
    ):
        answer = sent(workspace, f"/runs/{run.id}", form, **{"Sec-Fetch-Site": "same-origin"})
        assert (303, f"/runs/{run.id}") == (answer.status_code, answer.headers["location"])
    with workspace.database.read() as connection:
        found = queries.get(connection, run.id)

    assert ("It\nholds.", "better", {"state": "good=fine"}) == (found.run.note, found.run.name, found.tags)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_other_site_changes_a_run(workspace: Workspace, headers: dict[str, str]) -> None:
    """A form that does not come from a page of this server changes nothing."""
    with workspace.runs.start("digits") as run:
        pass
    answer = sent(workspace, f"/runs/{run.id}", {"action": "note", "text": "x"}, **headers)
    with workspace.database.read() as connection:
        note = queries.get(connection, run.id).run.note

    assert (403, "") == (answer.status_code, note)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"action": "explode"}, 400),
        ({}, 400),
        ({"action": "tag", "tag": "x"}, 400),
        ({"action": "rename", "name": ""}, 400),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(workspace: Workspace, form: dict[str, str], status: int) -> None:
    """What no button sends is an error of the sender."""
    with workspace.runs.start("digits") as run:
        pass

    assert status == sent(workspace, f"/runs/{run.id}", form, **{"Sec-Fetch-Site": "same-origin"}).status_code
    assert 404 == sent(workspace, "/runs/nobody", {"action": "note"}, **{"Sec-Fetch-Site": "same-origin"}).status_code
