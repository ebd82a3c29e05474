"""The list of runs in a real browser, over a real project: by hand, by key, and without scripts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from homeostat.ui.assets import has_bundle
from ui.chromium import MARKS, NEEDS_BUNDLE, needs_bundle, served

RUN_LINKS = "table.runs tbody th a"
STATES = [
    "/runs",
    "/runs?panel=columns",
    "/runs?group=params.model&open=params.model+%3D+%27cnn%27",
    "/runs?q=metrics.loss+~+3",
]

pytestmark = MARKS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a project with 120 runs, in a process of its own."""
    with served("runs_server.py", str(tmp_path_factory.mktemp("runs"))) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with scripts and one without: forms and links do the same in both."""
    if request.param and not has_bundle():
        pytest.skip(NEEDS_BUNDLE)
    yield from opened(browser, scripts=request.param)


@pytest.fixture
def scripted(browser: Browser) -> Iterator[Page]:
    yield from opened(browser, scripts=True)


def opened(browser: Browser, *, scripts: bool) -> Iterator[Page]:
    size = {"width": 1280, "height": 800}
    context = browser.new_context(viewport=size, java_script_enabled=scripts)  # type: ignore[arg-type]  # a TypedDict
    yield context.new_page()
    context.close()


def names(page: Page) -> list[str]:
    return page.locator(RUN_LINKS).all_inner_texts()


def untick(page: Page, boxes: str) -> None:
    while page.locator(boxes).count():
        page.locator(boxes).first.uncheck()


def cell(run: str, value: str) -> str:
    return f"table.runs tr:has(a:text-is('{run}')) button:text-is(\"{value}\")"


def test_a_typed_filter_finds(page: Page, site: str) -> None:
    """The filter stands in the address, its comparisons as words that can be taken away, the command beside it."""
    page.goto(f"{site}/runs")
    page.fill("input[name=q]", "params.lr > 0.11 AND status = 'finished'")
    page.press("input[name=q]", "Enter")
    page.wait_for_url("**q=params.lr**")
    found = names(page)
    command = page.locator(".tools .command").inner_text()
    page.click("a[aria-label=\"Without status = 'finished'\"]")
    page.wait_for_url("**q=params.lr+%3E+0.11")

    assert [f"trial-{number}" for number in range(119, 110, -1) if number != 113] == found
    assert "homeostat runs list \"params.lr > 0.11 AND status = 'finished'\"" == command
    assert "trial-113" in names(page)


def test_a_wrong_filter_is_told_beside_the_rows(page: Page, site: str) -> None:
    """What was typed stays, a mark stands below the place, and the runs are still there."""
    page.goto(f"{site}/runs")
    page.fill("input[name=q]", "metrics.loss ~ 3")
    page.press("input[name=q]", "Enter")
    page.wait_for_selector(".problem")

    assert "metrics.loss ~ 3" == page.input_value("input[name=q]")
    assert "metrics.loss ~ 3\n             ^" == page.locator(".problem pre").inner_text()
    assert 45 == len(names(page))


def test_values_filter_by_a_click(page: Page, site: str) -> None:
    """Only these, then not these of another column; values of any letters."""
    page.goto(f"{site}/runs")
    page.click(cell("trial-116", "it's <b>odd</b>"))
    page.wait_for_url("**q=params.model**")
    only = names(page)
    page.locator("table.runs tr:has(a:text-is('trial-116')) button[aria-label='Not blue']").click(force=True)
    page.wait_for_url("**tags.team**")

    assert {2} == {int(name[-3:]) % 3 for name in only}
    assert "params.model = 'it''s <b>odd</b>' AND tags.team != 'blue'" == page.input_value("input[name=q]")
    assert {1, 2, 3} == {int(name[-3:]) % 4 for name in names(page)}


def test_heads_sort(page: Page, site: str) -> None:
    """A metric's better end first, then the other way; the head says how the table is sorted."""
    page.goto(f"{site}/runs?q=params.lr+%3C+0.01")
    for expected, direction in (("trial-009", "ascending"), ("trial-000", "descending")):
        page.click("thead button[value='metrics.val/loss']")
        page.wait_for_selector(f"th[aria-sort={direction}]")
        assert expected == names(page)[0]
    page.click("thead button[value='params.model']")
    page.wait_for_url("**params.model**")

    assert "cnn" == page.locator("table.runs tbody tr").first.locator("button[name=only]").nth(1).inner_text()


def test_columns_are_picked(page: Page, site: str) -> None:
    """The picker shows what there is; what is ticked is shown, and stands in the address."""
    page.goto(f"{site}/runs")
    page.click("text=Columns")
    page.wait_for_selector(".picker")
    untick(page, ".picker input[type=checkbox]:checked")
    page.check(".picker input[value='metrics.auc']")
    page.check(".picker input[value='kind']")
    page.click("text=Show these >> visible=true")
    page.wait_for_url("**column=kind&column=metrics.auc")

    heads = [head.split("\n")[-1] for head in page.locator("thead th").all_inner_texts()]
    assert ["", "Run", "Kind", "auc"] == heads


def test_pages_go_on(page: Page, site: str) -> None:
    """Three pages hold 120 runs, each once, and the first page is a link away."""
    page.goto(f"{site}/runs")
    found = names(page)
    for _ in range(2):
        page.click("a[rel=next]")
        page.wait_for_load_state()
        found += names(page)

    assert (120, 120, 0) == (len(found), len(set(found)), page.locator("a[rel=next]").count())
    page.click("text=First page")
    page.wait_for_url("**/runs?q=")


def test_groups_open_in_place(page: Page, site: str) -> None:
    """Choosing a group shows counts and figures; a group opens below its row; its count leads to its runs."""
    page.goto(f"{site}/runs")
    page.select_option("select[name=group]", "params.model")
    if page.locator("table.groups").count() == 0:
        page.click("form.finder > button")
    page.wait_for_selector("table.groups")
    page.click("a.twist:text-is('mlp')")
    page.wait_for_selector("a.twist[aria-expanded=true]")
    opened = page.locator("tr.part th a").all_inner_texts()
    page.click("tr.open td a")
    page.wait_for_url("**q=params.model**")

    assert [f"trial-{number:03}" for number in range(118, 118 - 60, -3)] == opened
    assert (40, "params.model = 'mlp'") == (len(names(page)), page.input_value("input[name=q]"))


def test_pinned_runs_stay_on_top(page: Page, site: str) -> None:
    """Under any filter, until the pin is taken away."""
    page.goto(f"{site}/runs")
    page.click("button[aria-label='Pin trial-100']")
    page.wait_for_url("**pin=run-100")
    page.fill("input[name=q]", "params.lr < 0.002")
    page.press("input[name=q]", "Enter")
    page.wait_for_url("**q=params.lr**")
    pinned = names(page)
    page.click("button[aria-label='Pin trial-100']")
    page.wait_for_selector(".pinned", state="detached")

    assert (["trial-100", "trial-001", "trial-000"], ["trial-001", "trial-000"]) == (pinned, names(page))


def test_selected_runs_are_tagged_and_untagged(page: Page, site: str) -> None:
    """The tag is there as a column that filters, and gone again; the address stays what it was."""
    page.goto(f"{site}/runs?q=params.lr+%3C+0.005&order=params.lr+ASC")
    for run in ("trial-001", "trial-003"):
        page.check(f"input[aria-label='Select {run}']")
    page.fill("form.bulk input[name=tag]", "note=good one")
    page.press("form.bulk input[name=tag]", "Enter")
    page.wait_for_selector("thead button[value='tags.note']")
    address = page.url
    page.click(cell("trial-003", "good one"))
    page.wait_for_url("**tags.note**")
    tagged = names(page)
    for box in page.locator("input[name=run]").all():
        box.check()
    page.fill("form.bulk input[name=tag]", "note")
    page.click("text=Untag")
    page.wait_for_selector("text=No run is listed")

    assert ["trial-001", "trial-003"] == tagged
    assert address.endswith("q=params.lr+%3C+0.005&order=params.lr+ASC")


def test_archiving_asks_and_restoring_brings_back(page: Page, site: str) -> None:
    """The question names the runs; kept they stay; archived they stand in their own list, from where they come back."""
    page.goto(f"{site}/runs?q=params.lr+%3C+0.003&order=params.lr+ASC")
    page.check("input[aria-label='Select trial-000']")
    page.click("text=Archive…")
    page.wait_for_selector("h1:text('Archive run trial-000?')")
    said = page.locator(".lead p").inner_text()
    page.click("text=Keep them")
    page.wait_for_selector("table.runs")
    assert ["trial-000", "trial-001", "trial-002"] == names(page)
    page.check("input[aria-label='Select trial-000']")
    page.click("text=Archive…")
    page.click("button:text('Archive 1 run')")
    page.wait_for_url("**/runs?q=params.lr**")
    assert ["trial-001", "trial-002"] == names(page)
    page.click("a:text-is('Archived')")
    page.wait_for_url("**life=deleted**")
    assert ["trial-000"] == names(page)
    page.check("input[aria-label='Select trial-000']")
    page.click("button:text-is('Restore')")
    page.wait_for_selector("text=No run is listed")
    page.goto(f"{site}/runs?q=params.lr+%3C+0.003&order=params.lr+ASC")

    assert ["trial-000", "trial-001", "trial-002"] == names(page)
    assert "can be restored" in said
    assert "2 runs that are part of these stay" in said


def test_a_view_is_kept_shown_first_and_deleted(page: Page, site: str) -> None:
    """A kept view is a tab; the first one is what `/runs` shows; deleted it is neither."""
    page.goto(f"{site}/runs?q=status+%3D+%27failed%27&order=params.lr+ASC")
    page.click("text=Keep this view")
    page.fill(".views input[name=name]", "failed ones")
    page.check(".views input[name=default]")
    page.click(".views button:text-is('Keep')")
    page.wait_for_selector(".views a[aria-current]:has-text('failed ones')")
    page.goto(f"{site}/runs")
    assert "status = 'failed'" == page.input_value("input[name=q]")
    page.click(".views a:text-is('All')")
    page.wait_for_url("**/runs?q=")
    assert "" == page.input_value("input[name=q]")
    page.click("text=Keep this view")
    page.select_option(".views select[name=name]", "failed ones")
    page.click(".views button:text-is('Delete')")
    page.wait_for_selector(".views a:has-text('failed ones')", state="detached")
    page.goto(f"{site}/runs")

    assert (f"{site}/runs", 45) == (page.url, len(names(page)))


def test_the_selection_is_exported(page: Page, site: str, tmp_path: Path) -> None:
    """The file holds the selected runs in the order of the list, whatever else the filter finds."""
    page.goto(f"{site}/runs?order=params.lr+ASC")
    for run in ("trial-004", "trial-002"):
        page.check(f"input[aria-label='Select {run}']")
    with page.expect_download() as download:
        page.click("form.bulk button[value=json]")
    download.value.save_as(tmp_path / "runs.json")

    assert ["trial-002", "trial-004"] == [row["name"] for row in json.loads((tmp_path / "runs.json").read_text())]


@needs_bundle
def test_keys_select_and_act(scripted: Page, site: str) -> None:
    """/ goes to the filter, j and k move, x selects and with Shift a range, c compares, a archives, ? says so."""
    page = scripted
    page.goto(f"{site}/runs")
    page.keyboard.press("/")
    assert "q" == page.evaluate("document.activeElement.name")
    page.keyboard.press("Escape")
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    assert "3 selected" == page.locator("[data-count]").inner_text()
    page.keyboard.press("?")
    assert page.locator("dialog.help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.keyboard.press("c")
    page.wait_for_url("**/compare?run=run-119&run=run-118")
    page.go_back()
    page.wait_for_selector("table.runs")
    untick(page, "input[name=run]:checked")
    for key in ("j", "k", "x", "a"):
        page.keyboard.press(key)
    page.wait_for_selector("h1:text('Archive run trial-119?')")


@needs_bundle
def test_boxes_take_a_range_and_all(scripted: Page, site: str) -> None:
    """Shift and a click take what lies between; the head's box takes all; buttons wait for a selection."""
    page = scripted
    page.goto(f"{site}/runs")
    assert page.locator("form.bulk button[value=compare]").is_disabled()
    page.click("input[aria-label='Select trial-118']")
    page.click("input[aria-label='Select trial-114']", modifiers=["Shift"])
    assert "5 selected" == page.locator("[data-count]").inner_text()
    assert page.locator("form.bulk button[value=compare]").is_enabled()
    page.check("[data-all]")
    assert "45 selected" == page.locator("[data-count]").inner_text()
    page.uncheck("[data-all]")
    assert "0 selected" == page.locator("[data-count]").inner_text()


@needs_bundle
def test_tab_does_not_stop_at_every_value(scripted: Page, site: str) -> None:
    """Values that filter are reached in the row one is at only."""
    page = scripted
    page.goto(f"{site}/runs")
    count = "[...document.querySelectorAll('.runs td button')].filter((one) => one.tabIndex === 0).length"
    assert 0 == page.evaluate(count)
    page.keyboard.press("j")
    assert page.locator("tr.selected td button").count() == page.evaluate(count)


@needs_bundle
def test_a_selection_is_not_taken_away_by_news(scripted: Page, site: str) -> None:
    """While rows are ticked an open list waits; when they are not, it reads itself again and shows what changed."""
    page, other = scripted, scripted.context.new_page()
    page.goto(f"{site}/runs?q=params.lr+%3C+0.003")
    page.wait_for_timeout(1200)  # until it listens
    page.keyboard.press("j")
    page.check("input[aria-label='Select trial-001']")
    other.goto(f"{site}/runs?q=params.lr+%3C+0.003")
    other.check("input[aria-label='Select trial-002']")
    other.fill("form.bulk input[name=tag]", "news=yes")
    other.press("form.bulk input[name=tag]", "Enter")
    other.wait_for_selector("thead button[value='tags.news']")
    page.bring_to_front()
    page.wait_for_timeout(4000)
    assert page.is_checked("input[aria-label='Select trial-001']")
    assert 0 == page.locator("thead button[value='tags.news']").count()
    page.uncheck("input[aria-label='Select trial-001']")
    page.wait_for_selector("thead button[value='tags.news']", timeout=8000)
    page.keyboard.press("j")
    assert "trial-001" == page.locator("tr.selected th a").inner_text()


@pytest.mark.parametrize("path", STATES)
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_the_list_fits_its_window_and_its_policy(scripted: Page, site: str, path: str, width: int) -> None:
    """Nothing makes the page scroll sideways, is refused by the policy, or fails in a script."""
    complaints: list[str] = []
    scripted.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    scripted.on("pageerror", lambda error: complaints.append(str(error)))
    scripted.set_viewport_size({"width": width, "height": 800})
    scripted.goto(site + path)
    scripted.wait_for_timeout(200)

    assert 0 == scripted.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert [] == complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_can_be_read_in_both_themes(browser: Browser, site: str, scheme: str) -> None:
    """Text of cells, heads and the problem stands out from what is behind it, at least 4.5 to 1."""
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
    page = context.new_page()
    page.goto(f"{site}/runs?q=metrics.loss+~+3")
    found = page.evaluate(CONTRAST)
    context.close()

    assert [] == [one for one in found if one["ratio"] < 4.5]
    assert len(found) > 10


# Contrast of text with the nearest background that is not transparent, as WCAG 2.2 defines it.
CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
  const light = (colour) => { const [r, g, b] = [...rgba(colour)].slice(0, 3).map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => { for (; node; node = node.parentElement) { const colour = getComputedStyle(node).backgroundColor; if (rgba(colour)[3] === 255) return colour; } return "white"; };
  const chosen = [".problem p", ".problem pre", "thead button", "thead small", "tbody th a", "tbody td.n", "tbody td button[name=only]", ".views > a", ".command", ".exports", ".exports a", ".button"];
  return chosen.flatMap((select) => [...document.querySelectorAll(select)].slice(0, 3)).filter((node) => !node.disabled).map((node) => {
    const [one, other] = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
    return {text: node.innerText, ratio: (one + 0.05) / (other + 0.05)};
  });
}"""
