"""The comparison of runs in a real browser, on real curves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page

from ui.chromium import MARKS, needs_bundle, served

FEW = "/compare?" + "&".join(f"run=run-{number:03}" for number in range(4))
MANY = "/compare?" + "&".join(f"run=run-{number:03}" for number in range(24))
LENGTH = 20_000

pytestmark = MARKS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of 24 real runs in a process of its own."""
    with served(
        "comparison_server.py", str(tmp_path_factory.mktemp("comparison") / "project"), "24", str(LENGTH)
    ) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that must not complain."""
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    assert [] == complaints


def chart(page: Page, metric: str) -> Locator:
    return page.locator(f"figure[data-metric='{metric}'] .echart canvas").first


def asked(page: Page, name: str) -> list[str]:
    return parse_qs(urlsplit(page.url).query).get(name, [])


def drag(page: Page, place: Locator, start: float, end: float) -> None:
    """From one share of the width to another, in the middle of the height."""
    place.scroll_into_view_if_needed()
    box: Any = place.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + (start + end) / 2 * box["width"], middle)
    page.mouse.move(box["x"] + end * box["width"], middle)
    page.mouse.up()


@needs_bundle
def test_a_range_is_asked_of_the_server(page: Page, site: str) -> None:
    """Dragging over a range asks for its points and puts it into the address; a double click takes it back."""
    page.goto(site + FEW)
    chart(page, "train/loss").wait_for()
    with page.expect_response("**/api/compare/curves**span=**train%2Floss**") as closer:
        drag(page, chart(page, "train/loss"), 0.4, 0.5)
    panel = closer.value.json()["panels"][0]
    (span,) = asked(page, "span")

    assert span.startswith("step:")
    assert 0.15 * LENGTH < panel["start"] < panel["end"] < 0.65 * LENGTH
    assert panel["end"] - panel["start"] < 0.2 * LENGTH
    with page.expect_response("**/api/compare/curves**"):
        chart(page, "train/loss").dblclick(position={"x": 200, "y": 100})
    assert [] == asked(page, "span")


@needs_bundle
def test_a_range_is_typed(page: Page, site: str) -> None:
    """Whoever has no pointer types the ends; dragging fills them in."""
    page.goto(site + FEW)
    chart(page, "train/loss").wait_for()
    page.focus("input[name=from]")
    page.keyboard.type("4000")
    page.keyboard.press("Tab")
    page.keyboard.type("5000")
    with page.expect_response("**/api/compare/curves**train%2Floss**") as closer:
        page.keyboard.press("Enter")
    panel = closer.value.json()["panels"][0]

    assert (["step:4000..5000"], 4000, 5000) == (asked(page, "span"), panel["start"], panel["end"])
    with page.expect_response("**/api/compare/curves**"):
        drag(page, chart(page, "train/loss"), 0.4, 0.8)
    page.wait_for_timeout(100)
    assert 4000 < int(page.input_value("input[name=from]")) < int(page.input_value("input[name=to]")) < 5000


@needs_bundle
def test_smoothing_is_drawn_at_once(page: Page, site: str) -> None:
    """The slider is moved by keyboard; nothing is asked of the server, and the address holds the weight."""
    page.goto(site + FEW)
    chart(page, "train/loss").wait_for()
    page.wait_for_load_state("networkidle", timeout=5000) if page.url.startswith("about") else page.wait_for_timeout(
        600
    )
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.focus("input[name=smooth]")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)

    assert (["0.05"], "0.05") == (asked(page, "smooth"), page.inner_text(".slider output"))
    assert [] == [url for url in requests if "/api/compare" in url]


@needs_bundle
def test_one_cursor_goes_over_all_curves(page: Page, site: str) -> None:
    """Pointing at one chart names the values of the runs in every chart of the page."""
    page.goto(site + FEW)
    chart(page, "train/loss").wait_for()
    chart(page, "val/loss").wait_for()
    chart(page, "train/loss").hover(position={"x": 150, "y": 100})
    page.wait_for_timeout(400)
    told = [page.inner_text(f"figure[data-metric='{metric}'] .echart") for metric in ("train/loss", "val/loss")]

    assert [True, True] == ["adam-0" in text and "step " in text for text in told]


@needs_bundle
def test_a_choice_changes_the_page_in_place(page: Page, site: str) -> None:
    """Grouping by a parameter is a new address and new curves, without a reload; going back is the old one."""
    page.goto(site + MANY)
    chart(page, "train/loss").wait_for()  # the scripts are there
    page.evaluate("window.stayed = true")
    page.select_option("select[name=group]", "optimizer")
    page.locator("figure[data-metric='train/loss'] .legend").wait_for()
    names = page.locator("figure[data-metric='train/loss'] .legend span").all_inner_texts()

    assert ["adam (8 runs)", "lion (8 runs)", "sgd (8 runs)"] == [name.strip() for name in names]
    assert ["optimizer"] == asked(page, "group")
    page.go_back()
    page.locator("figure[data-metric='train/loss'] .legend").wait_for(state="detached")
    assert page.evaluate("window.stayed")


@needs_bundle
def test_runs_are_pointed_out_by_keyboard(page: Page, site: str) -> None:
    """Space on a run's box gives it a colour and keeps the focus; the address holds which."""
    page.goto(site + MANY)
    chart(page, "train/loss").wait_for()  # the scripts are there
    page.locator("input[name=pick]").nth(3).focus()
    run = page.locator("input[name=pick]").nth(3).get_attribute("value")
    page.keyboard.press("Space")
    page.locator(f"tr[data-run='{run}'] .dash.hue1").wait_for()

    assert [run] == asked(page, "pick")
    assert run == page.evaluate("document.activeElement.value")


@needs_bundle
def test_an_axis_is_brushed(page: Page, site: str) -> None:
    """Dragging along an axis keeps the runs of its range: the others are faint, and the address holds it."""
    page.goto(site + MANY)
    place = page.locator("figure[data-chart=parallel] canvas").first
    place.wait_for()
    place.scroll_into_view_if_needed()
    box: Any = place.bounding_box()
    x = box["x"] + 60  # the first axis
    page.mouse.move(x, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 110)
    page.mouse.move(x, box["y"] + 150)
    page.mouse.up()
    page.wait_for_url("**brush=**")
    page.locator("tr.out[data-run]").first.wait_for()

    assert "param lr:" in asked(page, "brush")[0]
    assert 0 < page.locator("tr[data-run]:not(.out)").count() < 24


@needs_bundle
def test_a_run_in_the_list_lights_up(page: Page, site: str) -> None:
    """Pointing at a point of the scatter plot marks its run in the list, each of the four."""
    page.goto(site + FEW)
    place = page.locator("figure[data-chart=scatter] canvas").first
    place.wait_for()
    place.scroll_into_view_if_needed()
    box: Any = place.bounding_box()
    page.evaluate("""() => {
        window.lit = new Set();
        const seen = new MutationObserver((found) => found.forEach((one) => one.target.matches('.lit') && window.lit.add(one.target.dataset.run)));
        seen.observe(document.querySelector('.legend-table'), { subtree: true, attributeFilter: ['class'] });
    }""")
    for across in range(0, round(box["width"]), 8):
        for up in range(10, 250, 8):
            page.mouse.move(box["x"] + across, box["y"] + up)

    assert [f"run-{number:03}" for number in range(4)] == sorted(page.evaluate("[...window.lit]"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_whole_without_scripts(browser: Browser, site: str, scheme: Any) -> None:
    """Curves, importance, scatter and parallel axes are pictures; every choice is a form that needs no script."""
    context = browser.new_context(java_script_enabled=False, color_scheme=scheme)
    page = context.new_page()
    page.goto(site + MANY)
    pictures = page.locator("svg.compared:visible").count()
    page.select_option("select[name=x]", "relative")
    page.check("input[name=ylog]")
    page.click("form#view button:has-text('Apply')")
    address = page.url
    page.click("button:has-text('that all share')")
    rows = page.locator("table.sides tbody tr").count()
    context.close()

    assert (4, True) == (pictures, rows > 8)
    assert {"x": ["relative"], "ylog": ["1"]}.items() <= parse_qs(urlsplit(address).query).items()


@pytest.mark.parametrize("width", [360, 800])
def test_it_fits_a_narrow_window(page: Page, site: str, width: int) -> None:
    """Nothing makes the page scroll sideways, with many runs and all that is the same in them."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site + MANY + "&all=1&group=lr")
    page.wait_for_timeout(600)

    assert 0 == page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_the_table_can_be_kept(page: Page, site: str) -> None:
    """The export is a file with a row a run."""
    page.goto(site + FEW)
    with page.expect_download() as kept:
        page.click("button:has-text('CSV')")

    assert 5 == len(Path(kept.value.path()).read_text(encoding="utf-8").splitlines())
