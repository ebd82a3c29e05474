"""Templates and contexts held together, on every sample page."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from jinja2 import nodes

from homeostat import ui
from homeostat.cli.app import COMMANDS
from homeostat.cli.data import COMMANDS as DATA_COMMANDS
from homeostat.core.clock import DAY, Micros
from homeostat.ui import contexts
from homeostat.ui.contexts import Context, ReportContext
from homeostat.ui.render import environment, payload, render
from homeostat.ui.report import report
from unit.ui import sample_report, sample_systems, samples

UI = Path(ui.__file__).parent
TEMPLATES = UI / "templates"
HOSTILE = '"><script>alert(1)</script>'
PAGE_TYPES = [
    kind
    for kind in vars(contexts).values()
    if isinstance(kind, type) and issubclass(kind, Context) and kind is not Context
]
BUDGET = 150_000  # bytes of a page, see the design of pages


class Reader(HTMLParser):
    """Ids, tags left open, and pictures without a text alternative."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.unlabelled: list[str] = []
        self.mismatched: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "svg" and "aria-hidden" not in given and given.get("role") != "img":
            self.unlabelled.append(self.get_starttag_text() or tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mismatched.append(tag)


def names_read(template: str, variable: str) -> set[str]:
    """Attributes of `variable` that a template reads, or a component that it imports and hands the whole of it."""
    tree = environment().parse((TEMPLATES / template).read_text())
    own = {
        found.attr
        for found in tree.find_all(nodes.Getattr)
        if isinstance(found.node, nodes.Name) and found.node.name == variable
    }
    imported = [found.template for found in tree.find_all(nodes.FromImport)]
    return own.union(*(names_read(part.value, variable) for part in imported if isinstance(part, nodes.Const)))


def fields(kind: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("name", samples.PAGES)
def test_every_page_is_sound(name: str) -> None:
    """A page fits its budget; its tags close; ids are unique; each picture has a text alternative; no inline style."""
    html = render(samples.PAGES[name])
    read = Reader(html)

    assert len(html.encode()) < BUDGET
    assert [] == read.open + read.mismatched
    assert sorted(set(read.ids)) == sorted(read.ids)
    assert [] == read.unlabelled
    assert " style=" not in html


@pytest.mark.parametrize("kind", PAGE_TYPES)
def test_a_template_reads_its_context_and_nothing_else(kind: type[Context]) -> None:
    """Every field of a context is used by its template (or the frame), and the template uses no other."""
    used = names_read(kind.template, "page") | names_read("frame.html", "page")

    assert fields(kind) == used


def test_the_report_reads_its_whole_context() -> None:
    """The same holds for the report."""
    assert fields(ReportContext) == names_read("report.html", "report")


def test_no_field_is_idle() -> None:
    """Each field of the structs within a page is read by some template or chart."""
    sources = "".join(
        path.read_text() for path in [*TEMPLATES.rglob("*.html"), *UI.rglob("figures.py"), *UI.rglob("charts/*.py")]
    )
    read = set(re.findall(r"\.([a-z_]+)", sources))
    kinds = [kind for kind in vars(contexts).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]

    assert set() == {f"{kind.__name__}.{name}" for kind in kinds for name in fields(kind) - read}


def test_every_page_type_has_a_sample() -> None:
    """Nothing is shown that these tests do not render."""
    assert set(PAGE_TYPES) == {type(page) for page in samples.PAGES.values()}


def test_names_from_outside_are_escaped() -> None:
    """A hostile system name is text on the page, never markup."""
    card = msgspec.structs.replace(sample_systems.CARD, name=HOSTILE, sentence=HOSTILE)
    html = render(msgspec.structs.replace(sample_systems.SYSTEM_PAGE, card=card))

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_a_payload_cannot_leave_its_element() -> None:
    """JSON in a page holds no character that could end its script element."""
    assert '{"name":"\\u003c/script\\u003e\\u0026"}' == payload({"name": "</script>&"})


def test_the_report_is_one_file() -> None:
    """The report has no script and asks for nothing: every reference stays inside it."""
    html = report(sample_report.REPORT)
    read = Reader(html)

    assert "<script" not in html
    assert [] == re.findall(r'href="(?!#)', html)
    assert [] == re.findall(r"(?:src|srcset)=|<link|@import|url\((?!#)", html)
    assert [] == read.open + read.mismatched + read.unlabelled
    assert sorted(set(read.ids)) == sorted(read.ids)


def test_an_empty_page_says_what_fills_it() -> None:
    """Every empty state shows the one command that fills it."""
    html = render(sample_systems.OVERVIEW_EMPTY)

    assert "homeostat up" in html


def test_a_full_year_fits_the_budget() -> None:
    """A page with as many events as the reader gives, each with a long label, and a year of weeks stays in budget."""
    made = [
        msgspec.structs.replace(event, at=Micros(event.at + shift * DAY), label=f"{event.label}: {'because ' * 12}")
        for shift in (0, 2, 4)
        for event in sample_systems.events(sample_systems.END)
    ]
    page = msgspec.structs.replace(
        sample_systems.SYSTEM_PAGE,
        events=tuple(made[:150]),
        weeks=sample_systems.weeks(sample_systems.END),
        now=sample_systems.END,
    )

    assert len(render(page).encode()) < BUDGET


def test_the_commands_on_pages_exist() -> None:
    """Whatever a page tells people to type is a command of ours."""
    sources = "".join(path.read_text() for path in [*TEMPLATES.rglob("*.html"), *UI.rglob("reading/*.py")])
    named = set(re.findall(r"homeostat ([a-z]+)(?: ([a-z]+))?", sources))

    assert set() == {command for command, _ in named} - set(COMMANDS)
    assert set() == {word for command, word in named if command == "data"} - set(DATA_COMMANDS)
