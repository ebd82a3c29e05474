"""The pages in a real browser: policy, width, keyboard, theme, and life without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.db.schema.store import ledger
from homeostat.ui.report import report
from ui.chromium import MARKS, needs_bundle, served
from unit.ui import sample_report, sample_run

PATHS = [
    "/",
    "/systems/late-flights",
    "/decisions",
    "/models",
    "/models/late-flights/14",
    "/data",
    "/data/flights",
    "/data/flights/12",
    "/data/flights/12/diff?against=11&key=key",
    "/pipelines",
    "/pipelines/train_late_flights?run=run-1",
    "/runs",
    *(f"/runs/run-1?tab={tab}" for tab in sample_run.RUN_PAGES),
    "/compare?run=run-0&run=run-1&run=run-2",
    "/compare",
    "/nowhere",
]

pytestmark = MARKS


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path_factory.mktemp('ui') / 'homeostat.db'}")
    metadata.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def site(database: Database) -> Iterator[str]:
    """A server of sample pages in a process of its own."""
    with served("sample_server.py", database.url) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_no_page_breaks_its_own_policy(page: Page, site: str, path: str) -> None:
    """Nothing on a page is refused by the content security policy or fails in a script."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(site + path)
    page.wait_for_timeout(400)

    assert [] == [text for text in complaints if "404" not in text]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [360, 800])
def test_pages_fit_a_narrow_window(page: Page, site: str, path: str, width: int) -> None:
    """Nothing makes a page scroll sideways; wide tables scroll within themselves."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site + path)

    assert 0 == page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_pages_are_whole_without_scripts(browser: Browser, site: str) -> None:
    """Without JavaScript the charts are there, as pictures and as tables."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/systems/late-flights")
    pictures, rows = page.locator("svg.wide:visible").count(), page.locator(".chart tbody tr").count()
    context.close()

    assert (3, True) == (pictures, rows > 60)


def test_the_theme_is_kept(page: Page, site: str) -> None:
    """The toggle turns the page dark, and it stays so on the next page."""
    page.goto(site)
    page.click("[data-theme-toggle]")
    page.goto(f"{site}/data")

    assert "dark" == page.evaluate("document.documentElement.dataset.theme")
    assert "rgb(14, 17, 22)" == page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_rows_are_reached_by_keyboard(page: Page, site: str) -> None:
    """j and k move over rows, Enter follows the row's link."""
    page.goto(f"{site}/models")
    for key in ("j", "j", "k", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/models/late-flights/14")

    assert f"{site}/models/late-flights/14" == page.url


def test_a_filter_lives_in_the_address(page: Page, site: str) -> None:
    """Choosing a filter asks for the page anew, so that the view can be shared."""
    page.goto(f"{site}/decisions")
    page.select_option("select[name=kind]", "hold")
    page.wait_for_url("**kind=hold**")

    assert "hold" == page.input_value("select[name=kind]")


@needs_bundle
def test_an_open_page_follows_the_ledger(page: Page, site: str, database: Database) -> None:
    """When the ledger moves, an open page reads itself again, without a reload."""
    page.goto(f"{site}/data")
    page.wait_for_timeout(1200)
    with page.expect_response(f"{site}/data", timeout=8000) as again, database.write() as connection:
        connection.execute(ledger.insert().values(at=1, kind="x", system="", actor="local", body="{}"))

    assert "true" == again.value.request.headers["hx-request"]


@needs_bundle
def test_charts_answer_the_pointer(page: Page, site: str) -> None:
    """With the bundle, a chart names the values under the pointer in every chart of the page."""
    page.goto(f"{site}/systems/late-flights")
    page.wait_for_selector(".echart canvas")
    page.locator(".echart").first.hover()
    page.wait_for_timeout(300)
    shown = page.evaluate("[...document.querySelectorAll('.echart')].map((chart) => chart.innerText)")

    assert [True, True] == ["Champion, as served" in text for text in shown]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_report_opens_from_disk(page: Page, tmp_path: Path, width: int) -> None:
    """The report needs no server, asks for nothing and fits every width."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    path = tmp_path / "report.html"
    path.write_text(report(sample_report.REPORT), encoding="utf-8")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path.as_uri())

    assert [path.as_uri()] == asked
    assert 0 == page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
