"""`why` names what made a step run: which function, constant, column, file or variable."""

from typing import Any

import msgspec
import pytest

from homeostat.capture import surroundings
from homeostat.capture.environment import Environment, Package
from homeostat.codec.tables import Table
from homeostat.core.digests import digest_bytes
from homeostat.core.errors import NotFound

CHAIN = {
    "main": """
import homeostat as hs
from helpers import double, label
@hs.step
def load(n: int) -> list[int]: return list(range(n))
@hs.step
def clean(rows: list[int]) -> list[int]: return double(rows)
@hs.step
def report(rows: list[int], name: str = "r") -> str: return label(rows) + name
@hs.pipeline
def chain(n: int = 3, name: str = "r") -> str: return report(clean(load(n)), name)
""",
    "helpers": "def double(rows): return [2 * row for row in rows]\ndef label(rows): return f'{len(rows)} rows '\n",
}
TOTAL = """
import homeostat as hs
from homeostat.codec.tables import Table
@hs.step
def total(rows: Table) -> int: return rows.rows
@hs.pipeline
def chain(rows: Table): return total(rows)
"""


def run(workspace: Any, project: Any, files: dict[str, str], **arguments: Any) -> None:
    """Run a pipeline of the project as its files are."""
    project.write(files)
    workspace.pipelines.run(project.load().chain, arguments)


READ = "from pathlib import Path\nBODY Path(__file__).with_name('a.txt.py').read_text()"
WHY: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "function": ({"main": "def g(): return 1\nBODY g()"}, {"main": "def g(): return 2\nBODY g()"}, "main:g"),
    "signature": (
        {"main": "def g(x: int): return 1\nBODY str(g.__annotations__)"},
        {"main": "def g(x: str): return 1\nBODY str(g.__annotations__)"},
        "main:g",
    ),
    "class": ({"main": "class C:\n    n = 1\nBODY C.n"}, {"main": "class C:\n    n = 2\nBODY C.n"}, "main:C"),
    "constant": ({"main": "N = 1\nBODY N"}, {"main": "N = 2\nBODY N"}, "main:N"),
    "module": (
        {"main": "import other\nBODY len(str(other))", "other": "N = 1\n"},
        {"main": "import other\nBODY len(str(other))", "other": "N = 2\n"},
        "other",
    ),
    "import": (
        {"main": "import other\nBODY 1", "other": "import random\nrandom.seed(1)\n"},
        {"main": "import other\nBODY 1", "other": "import random\nrandom.seed(2)\n"},
        "other",
    ),
    "source": (
        {"main": "BODY eval('1')", "other": "N = 1\n"},
        {"main": "BODY eval('1')", "other": "N = 2\n"},
        "source",
    ),
    "file": (
        {"main": READ, "a.txt": "1"},
        {"main": READ, "a.txt": "2"},
        "a.txt.py",
    ),
}


@pytest.mark.parametrize("kind", sorted(WHY))
def test_why_names_what_changed(kind: str, workspace: Any, project: Any) -> None:
    """Whatever kind of thing changed is named, and nothing else."""
    *versions, name = WHY[kind]
    for files in versions:
        head, _, body = files["main"].partition("BODY ")
        step = f"import homeostat as hs\n@hs.step\ndef f() -> object: return {body}\n"
        pipeline = "@hs.pipeline\ndef chain(): return f()\n"
        run(workspace, project, {**files, "main": head + step + pipeline})

    assert [(kind, name)] == [(change.kind, change.name) for change in workspace.pipelines.why("f").changes]


class TestWhy:
    """`why` names what changed since the run before."""

    def test_first_time(self, workspace: Any, project: Any) -> None:
        """There is nothing to compare the first run with."""
        run(workspace, project, CHAIN)

        assert "clean ran for the first time." == workspace.pipelines.why("clean").sentence

    def test_function(self, workspace: Any, project: Any) -> None:
        """The edited helper is named, and it alone."""
        run(workspace, project, CHAIN)
        run(workspace, project, {**CHAIN, "helpers": CHAIN["helpers"].replace("2 * row", "3 * row")})

        assert [("function", "helpers:double")] == [
            (change.kind, change.name) for change in workspace.pipelines.why("clean").changes
        ]

    def test_argument(self, workspace: Any, project: Any) -> None:
        """Short arguments are shown before and after."""
        run(workspace, project, CHAIN)
        run(workspace, project, CHAIN, name="s")

        assert "report ran because of argument name ('r' → 's')." == workspace.pipelines.why("report").sentence

    def test_constant(self, workspace: Any, project: Any) -> None:
        """Short constants are shown before and after."""
        for n in (1, 2):
            helpers = f"N = {n}\ndef double(rows): return [N * row for row in rows]\ndef label(rows): return 'a'\n"
            run(workspace, project, {**CHAIN, "helpers": helpers})

        assert "clean ran because of constant helpers:N (1 → 2)." == workspace.pipelines.why("clean").sentence

    def test_package(self, workspace: Any, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """An upgraded package is named with both versions."""
        for version in ("1.0", "2.0"):
            packages = (Package("scipy", version, digest_bytes(version.encode())),)
            now = Environment(python="3.11", implementation="c", platform="linux", machine="x", packages=packages)
            digest = workspace.objects.put(msgspec.json.encode(now))
            monkeypatch.setattr(surroundings, "environment", lambda _, digest=digest: digest)
            run(workspace, project, CHAIN)
        (change,) = workspace.pipelines.why("load").changes

        assert ("package", "scipy", "1.0", "2.0") == (change.kind, change.name, change.before[:3], change.after[:3])

    def test_cached(self, workspace: Any, project: Any) -> None:
        """A step that was not run says whose result stands."""
        run(workspace, project, CHAIN)
        run(workspace, project, CHAIN)

        assert "clean was not run" in workspace.pipelines.why("clean").sentence

    def test_unknown_step(self, workspace: Any) -> None:
        """A step that never ran is not there."""
        with pytest.raises(NotFound, match="No step 'tidy' has run yet"):
            workspace.pipelines.why("tidy")

    def test_column(self, workspace: Any, project: Any) -> None:
        """Where only some columns of a table changed, these are named; the others are not."""
        project.write({"main": TOTAL})
        chain = project.load().chain
        for y in (1, 2):
            workspace.pipelines.run(chain, {"rows": Table.of({"x": [1], "y": [y]})})

        assert [("column", "rows.y")] == [
            (change.kind, change.name) for change in workspace.pipelines.why("total").changes
        ]

    @pytest.mark.parametrize("options", ['(env=["RATE"])', ""])
    def test_variable(self, workspace: Any, project: Any, monkeypatch: pytest.MonkeyPatch, options: str) -> None:
        """A variable is named whether it is declared or observed."""
        source = "import os\nimport homeostat as hs\n@hs.step{}\ndef f() -> str: return os.environ['RATE']\n@hs.pipeline\ndef chain(): return f()\n"
        for rate in ("1", "2"):
            monkeypatch.setenv("RATE", rate)
            run(workspace, project, {"main": source.format(options)})

        assert [("variable", "RATE")] == [(change.kind, change.name) for change in workspace.pipelines.why("f").changes]
