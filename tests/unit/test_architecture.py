"""The house holds itself to its own rules. Layers and cycles are import-linter's, in `scripts/check`."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "src" / "homeostat"
FILES = sorted(path for path in HOUSE.rglob("*.py") if "migrations" not in path.parts)

FILE_LINES, FUNCTION_LINES, CLASS_LINES = 500, 60, 400
# Names that say nothing of what is inside, so that anything ends up there.
EMPTY_NAMES = {"base", "cogs", "common", "helper", "helpers", "kits", "lib", "manager", "misc", "util", "utils"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def parsed() -> list[tuple[Path, ast.Module]]:
    return [(path.relative_to(HOUSE), ast.parse(path.read_text())) for path in FILES]


def length(definition: Function | ast.ClassDef) -> int:
    """Lines from `def` or `class` to the end, decorators aside."""
    return (definition.end_lineno or definition.lineno) - definition.lineno + 1


def rooms() -> list[str]:
    """Every room in the layers contract, top floor first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contract = next(contract for contract in settings["contracts"] if contract["id"] == "layers")
    return [room.strip() for layer in contract["layers"] for room in layer.split("|")]


def test_files_are_read_whole_in_one_go() -> None:
    """No file is longer than 500 lines."""
    lengths = {path.relative_to(HOUSE): len(path.read_text().splitlines()) for path in FILES}

    assert {} == {path: lines for path, lines in lengths.items() if lines > FILE_LINES}


def test_functions_fit_a_screen() -> None:
    """No function is longer than 60 lines, its docstring included."""
    assert [] == [
        (path, found.name, length(found))
        for path, tree in parsed()
        for found in ast.walk(tree)
        if isinstance(found, Function) and length(found) > FUNCTION_LINES
    ]


def test_classes_have_one_duty() -> None:
    """No class is longer than 400 lines."""
    assert [] == [
        (path, found.name, length(found))
        for path, tree in parsed()
        for found in ast.walk(tree)
        if isinstance(found, ast.ClassDef) and length(found) > CLASS_LINES
    ]


def test_imports_stand_at_the_head() -> None:
    """What a module needs of the package is seen at its head: only the command line and the face import when they run."""
    assert [] == [
        (path, inner.lineno)
        for path, tree in parsed()
        if path.parts[0] != "cli" and path.name != "__init__.py"
        for outer in ast.walk(tree)
        if isinstance(outer, Function)
        for inner in ast.walk(outer)
        if (isinstance(inner, ast.ImportFrom) and (inner.level or (inner.module or "").startswith("homeostat")))
        or (isinstance(inner, ast.Import) and any(name.name.startswith("homeostat") for name in inner.names))
    ]


def test_nothing_is_imported_for_types_alone() -> None:
    """An import that only a type checker sees is an edge that a reader does not: the faces and the composition root alone
    have them, for they load by name (ADR 0010)."""
    assert [Path("__init__.py"), Path("callbacks/__init__.py"), Path("workspace.py")] == [
        path
        for path, tree in parsed()
        if any(isinstance(found, ast.If) and "TYPE_CHECKING" in ast.dump(found.test) for found in ast.walk(tree))
    ]


def test_names_say_what_is_inside() -> None:
    """No module or folder has a name under which anything could be put."""
    assert [] == [
        path for path in FILES if EMPTY_NAMES & {part.removesuffix(".py") for part in path.relative_to(HOUSE).parts}
    ]


def test_every_module_says_what_it_is() -> None:
    """A module begins by saying what it is and why."""
    assert [] == [path for path, tree in parsed() if not ast.get_docstring(tree)]


@pytest.mark.parametrize("room", rooms())
def test_every_room_is_there_and_described(room: str) -> None:
    """A room of the contract exists, and ARCHITECTURE.md has a word on it."""
    assert (HOUSE / room / "__init__.py").is_file() or (HOUSE / f"{room}.py").is_file()
    assert re.search(rf"`{room}(/|\.py)`", (ROOT / "ARCHITECTURE.md").read_text())


def test_the_description_names_only_what_is_there() -> None:
    """Every file and folder that ARCHITECTURE.md names exists, in the repository or in the package."""
    named = re.findall(r"`([\w./-]+(?:/|\.py|\.md|\.svg|\.toml))`", (ROOT / "ARCHITECTURE.md").read_text())

    assert [] == [name for name in named if not (ROOT / name).exists() and not (HOUSE / name).exists()]
    assert named


def test_the_picture_is_what_the_sources_draw(tmp_path: Path) -> None:
    """docs/architecture.svg shows today's imports. If it does not: scripts/architecture.py."""
    subprocess.run([sys.executable, ROOT / "scripts" / "architecture.py", tmp_path / "drawn.svg"], check=True)

    assert (ROOT / "docs" / "architecture.svg").read_bytes() == (tmp_path / "drawn.svg").read_bytes()


def test_the_picture_shows_no_import_upwards() -> None:
    """Every edge drawn goes from a room to one further down the contract."""
    order = rooms()
    edges = re.findall(r"<title>(\w+) imports (\w+)</title>", (ROOT / "docs" / "architecture.svg").read_text())

    assert [] == [(one, other) for one, other in edges if order.index(one) >= order.index(other)]
    assert ("cli", "workspace") in edges
