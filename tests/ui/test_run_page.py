"""The page of a run in a real browser, over a real workspace, while real scripts train."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from homeostat.serve.listening import free_port
from homeostat.ui.assets import has_bundle
from homeostat.workspace import Config, Project, Workspace
from ui.chromium import MARKS, needs_bundle

TABS = ("overview", "curves", "system", "artifacts", "code", "environment", "data", "lineage", "log")
SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><script>document.title = 'run'</script><circle r='4'/></svg>"
# Says its id, logs a point whenever it is told a line, and ends with its input.
TRAINING = """
import sys
import homeostat as hs
with hs.run("live", experiment="live", system_metrics=False) as run:
    run.log(0, loss=1.0)
    run.flush()
    print(run.id, flush=True)
    for step, line in enumerate(sys.stdin, start=1):
        run.metrics({key: 1 / step for key in line.split()}, step)
"""

pytestmark = MARKS


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two runs of one name, whose code and params differ."""
    root = tmp_path_factory.mktemp("ui") / "project"
    Workspace.create(root, Config(project=Project(name="digits"))).close()
    for lr in (0.1, 0.2):
        (root / "train.py").write_text(
            f"import sys\nimport numpy\nimport homeostat as hs\n"
            f"with hs.run('digits', experiment='digits', lr={lr}, capture_output=True, system_metrics=False) as run:\n"
            f"    for step in range(3000):\n"
            f"        run.metrics({{'train/loss': {lr} / (step + 1), 'val/accuracy': step / 3000}}, step)\n"
            f"    run.image('pixels', numpy.zeros((8, 8, 3), dtype='uint8'))\n"
            f"    run.audio('beep', numpy.zeros(800), rate=8000)\n"
            f"    run.text('page.html', '<script>document.title = 1</script><b>bold</b>')\n"
            f"    run.text('pic.svg', sys.argv[1])\n"
            f"    run.text('rows.csv', 'x,y\\n1,2\\n')\n"
            f"    print('trained')\n"
        )
        subprocess.run([sys.executable, "train.py", SVG], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def runs(project: Path) -> list[str]:
    """Ids, the newest first."""
    command = [sys.executable, "-m", "homeostat", "runs", "list", "params.lr > 0", "--json"]
    said = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout
    return [str(found["run"]["id"]) for found in json.loads(said)["runs"]]


@pytest.fixture(scope="module")
def site(project: Path) -> Iterator[str]:
    port = free_port("127.0.0.1", 0, "server")
    command = [sys.executable, "-m", "homeostat", "server", "--port", str(port)]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=40)) as client:
            assert "OK" == client.get(f"{address}/health").text
        yield address
        process.terminate()
        assert 0 == process.wait(10)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Fails the test if a script fails or the page breaks its own policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    opened, complaints = context.new_page(), list[str]()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [] == complaints


@needs_bundle
def test_curves_grow_while_a_script_trains(page: Page, site: str, project: Path) -> None:
    """Points, a metric's first point and the end of the run reach an open page, which neither reloads nor moves."""
    command = [sys.executable, "-c", TRAINING]
    with subprocess.Popen(command, cwd=project, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        page.goto(f"{site}/runs/{script.stdout.readline().strip()}?tab=curves")
        page.evaluate("window.marked = true; document.addEventListener('scroll', () => { window.scrolled = true; })")
        page.locator("figure[data-curve=loss]").hover()  # a hand on the page holds nothing up
        for step in range(1, 4):
            script.stdin.write("loss val/loss\n" if step > 1 else "loss\n")
            script.stdin.flush()
            page.wait_for_selector(f"figure[data-curve=loss] .echart[data-points='{step + 1}']", timeout=20_000)
        page.wait_for_selector("details[data-group=val] figure[data-curve='val/loss'] .echart canvas", timeout=20_000)
        page.wait_for_selector("#lead h1:has-text('is running')")
        script.stdin.close()
        page.wait_for_selector("#lead .pill:has-text('Finished')", timeout=20_000)

    assert [True, None] == page.evaluate("[window.marked, window.scrolled]")
    assert "0.3333" == page.locator("figure[data-curve=loss] .last").inner_text()


@needs_bundle
def test_words_follow_a_run_under_way(page: Page, site: str, project: Path) -> None:
    """The overview of a run that trains shows its latest values without being loaded again."""
    command = [sys.executable, "-c", TRAINING]
    with subprocess.Popen(command, cwd=project, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        page.goto(f"{site}/runs/{script.stdout.readline().strip()}")
        page.evaluate("window.marked = true")
        script.stdin.write("loss\nloss\n")
        script.stdin.flush()
        page.wait_for_selector(".metrics td:has-text('0.5')", timeout=20_000)
        script.stdin.close()
        page.wait_for_selector("#lead .pill:has-text('Finished')", timeout=20_000)

    assert page.evaluate("window.marked")


@needs_bundle
def test_a_page_that_nobody_sees_asks_for_nothing(page: Page, site: str, project: Path, runs: list[str]) -> None:
    """A run that ended has no stream; one that trains has one only while its page is visible."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/runs/{runs[0]}?tab=curves")
    page.wait_for_selector(".echart canvas")
    assert [] == [url for url in asked if url.endswith("/events") and runs[0] in url]

    command = [sys.executable, "-c", TRAINING]
    with subprocess.Popen(command, cwd=project, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        run_id = script.stdout.readline().strip()
        page.goto(f"{site}/runs/{run_id}?tab=curves")
        page.wait_for_selector(".echart canvas")
        page.evaluate(
            "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        page.wait_for_timeout(500)
        asked.clear()
        script.stdin.write("loss\n")
        script.stdin.flush()
        page.wait_for_timeout(3000)
        quiet = list(asked)
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_selector("figure[data-curve=loss] .echart[data-points='2']", timeout=20_000)
        script.stdin.close()

    assert [] == quiet


@needs_bundle
def test_dragging_asks_for_a_stretch(page: Page, site: str, runs: list[str]) -> None:
    """A stretch that is dragged over is asked for again, stands in the address and in the form, and is left by a double click."""
    page.goto(f"{site}/runs/{runs[0]}?tab=curves")
    page.wait_for_selector("figure[data-curve='train/loss'] .echart canvas")
    box = page.locator("figure[data-curve='train/loss'] .echart").bounding_box()
    assert box is not None
    with page.expect_response(lambda answer: "from=" in answer.url) as narrow:
        page.mouse.move(box["x"] + 150, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 250, box["y"] + 80, steps=4)
        page.mouse.up()
    chart = next(one for one in narrow.value.json()["charts"] if one["key"] == "train/loss")
    low, high = int(page.input_value("input[name=from]")), int(page.input_value("input[name=to]"))

    assert 0 < low < high < 3000
    assert f"from={low}&to={high}" in page.url
    assert (True, True) == (low - 4 <= chart["lines"][0]["x"][0], chart["lines"][0]["x"][-1] <= high + 4)
    with page.expect_response(lambda answer: "/curves?" in answer.url and "from=" not in answer.url):
        page.mouse.dblclick(box["x"] + 200, box["y"] + 60)
    assert "" == page.input_value("input[name=from]")


def test_what_was_logged_does_nothing(page: Page, site: str, runs: list[str]) -> None:
    """Pictures and sounds are shown, HTML is read as text, and no script of an artifact runs."""
    address = f"{site}/runs/{runs[0]}?tab=artifacts"
    page.goto(f"{address}&file=pixels.png")
    assert 8 == page.evaluate(
        "document.querySelector('#shown img').decode().then(() => document.querySelector('#shown img').naturalWidth)"
    )
    page.goto(f"{address}&file=pic.svg")
    page.evaluate("document.querySelector('#shown img').decode()")
    page.goto(f"{address}&file=beep.wav")
    page.wait_for_function("document.querySelector('audio').readyState > 0")
    page.goto(f"{address}&file=page.html")
    assert "<script>document.title = 1</script><b>bold</b>" == page.locator("#shown pre").inner_text()
    page.goto(f"{address}&file=rows.csv")
    assert "x\ty\n1\t2" == page.locator("#shown table").inner_text().replace("\n\n", "\n").replace(" ", "")
    assert "digits" in page.title()


def test_a_picture_that_is_opened_is_downloaded(page: Page, site: str, runs: list[str]) -> None:
    """Going to the address of an artifact leaves the page where it is and saves the file."""
    page.goto(f"{site}/runs/{runs[0]}?tab=artifacts&file=pic.svg")
    with page.expect_download() as saved:
        page.click("text=Download")

    assert "pic.svg" == saved.value.suggested_filename
    assert SVG == saved.value.path().read_text()


def test_code_is_read_beside_the_other_run(page: Page, site: str, runs: list[str]) -> None:
    """The diff against the run before shows the line that changed; another run is chosen from a list, by address."""
    page.goto(f"{site}/runs/{runs[0]}?tab=code")

    assert [
        "-with hs.run('digits', experiment='digits', lr=0.1, capture_output=True, system_metrics=False) as run:"
    ] == (page.locator("pre.code del").all_inner_texts()[:1])
    page.goto(f"{site}/runs/{runs[1]}?tab=code")
    page.select_option("select[name=against]", runs[0])
    if not has_bundle():
        page.click("form.filters button")
    page.wait_for_url(f"**against={runs[0]}**")
    assert "lr=0.2" in page.locator("pre.code del").first.inner_text()


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_is_whole_without_scripts(browser: Browser, site: str, runs: list[str], tab: str) -> None:
    """Without JavaScript every tab is readable at 360 pixels in the dark, its curves are drawn, and nothing scrolls sideways."""
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 360, "height": 800}, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(f"{site}/runs/{runs[0]}")
    page.click(f"nav.tabs a:has-text('{tab.capitalize()}')")
    page.wait_for_url(f"**tab={tab}**")
    current = page.locator("nav.tabs a[aria-current]").inner_text()
    curves = page.locator("svg.curve:visible").count()
    wide = page.locator("#live").evaluate("node => document.documentElement.scrollWidth")
    context.close()

    assert (True, 2 if tab == "curves" else 0, 360) == (current.lower().startswith(tab), curves, wide)


def test_a_run_is_changed_without_scripts(browser: Browser, site: str, runs: list[str]) -> None:
    """Note, tag and name are written, the run is archived and restored, all by plain forms."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/runs/{runs[1]}")
    page.click("text=Write a note")
    page.fill("textarea", "It **holds**.")
    page.click("text=Keep the note")
    page.click("section:has(h2:text-is('Tags')) summary:text-is('Edit')")
    page.fill("input[name=tag]:visible", "state=kept")
    page.click("text=Set the tag")
    page.click("text=Rename, archive")
    page.fill("input[name=name]", "renamed")
    page.click("button:text-is('Rename')")
    said = [page.locator(".prose strong").inner_text(), page.locator("dd:text-is('kept')").count(), page.title()]
    page.click("text=Rename, archive")
    page.click("text=Archive …")
    page.click("button:text-matches('^Archive')")
    page.goto(f"{site}/runs/{runs[1]}")
    archived = page.locator("#lead .pill:has-text('Archived')").count()
    page.click("text=Rename, restore")
    page.click("button:text-is('Restore')")
    restored = page.locator("#lead .pill:has-text('Archived')").count()
    page.click("text=Rename, archive")
    page.fill("input[name=name]", "digits")
    page.click("button:text-is('Rename')")
    context.close()

    assert ["holds", 1, "renamed · digits · Homeostat"] == said
    assert (1, 0) == (archived, restored)


def test_an_address_that_mlflow_prints_leads_to_the_run(page: Page, site: str, runs: list[str]) -> None:
    """Clients of MLflow end a run by printing where to view it; that address shows it here."""
    page.goto(f"{site}/#/experiments/1/runs/{runs[0]}")
    page.wait_for_url(f"{site}/runs/{runs[0]}")

    assert "digits" in page.title()


def test_tabs_are_reached_by_keyboard(page: Page, site: str, runs: list[str]) -> None:
    """Tabs are links: the key that moves the focus reaches them, and Enter opens one."""
    page.goto(f"{site}/runs/{runs[0]}")
    page.locator("nav.tabs a").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**tab=curves**")

    assert "Curves" in page.locator("nav.tabs a[aria-current]").inner_text()


@needs_bundle
def test_curves_take_the_colours_of_the_theme(page: Page, site: str, runs: list[str]) -> None:
    """A canvas is drawn again when the page turns dark."""
    pixels = "document.querySelector('.echart canvas').toDataURL()"
    page.goto(f"{site}/runs/{runs[0]}?tab=curves")
    page.wait_for_selector(".echart canvas")
    page.wait_for_timeout(300)
    light = page.evaluate(pixels)
    page.click("[data-theme-toggle]")
    page.wait_for_timeout(500)

    assert light != page.evaluate(pixels)
