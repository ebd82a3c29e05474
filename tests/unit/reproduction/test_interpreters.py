"""Interpreters for a recorded environment; that one is really installed is for the tests with real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from homeostat.capture.environment import Environment, Package
from homeostat.core.digests import Digest
from homeostat.reproduction.interpreters import interpreter, link_package

RECORDED = Environment(
    python=sys.version.partition(" ")[0],
    implementation="cpython",
    platform=sys.platform,
    machine="x86_64",
    packages=(Package("homeostat", "0.1.0", Digest("a" * 64)), Package("ark", "1.0", Digest("b" * 64))),
)
OTHER = Environment(python="3.9.1", implementation="cpython", platform="linux", machine="x86_64", packages=())
# A uv that makes the folder and installs nothing, but keeps what it was told to.
WORKING = """#!/bin/sh
[ "$2" = venv ] && exit 0
cp "$8" "$(dirname "$0")/asked"
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command in the place of uv, and an empty cache."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr("homeostat.capture.installing.find_uv_bin", lambda: str(tmp_path / "bin" / "uv"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "bin" / "uv"


def write(uv: Path, script: str) -> None:
    uv.write_text(script)
    uv.chmod(0o755)


@pytest.mark.parametrize(("present", "source"), [(RECORDED, "same"), (OTHER, "other")])
def test_nothing_is_installed_if_so_asked(uv: Path, present: Environment, source: str) -> None:
    """This interpreter is used, and whether it has the recorded packages is said."""
    found = interpreter(RECORDED, present, {}, same_environment=True)

    assert (sys.executable, source) == (found.python, found.source)


def test_without_an_installer_this_interpreter_is_used(uv: Path) -> None:
    """With the reason, and with nothing left in the cache."""
    write(uv, "#!/bin/sh\necho no such package: ark >&2\nexit 1\n")

    found = interpreter(RECORDED, OTHER, {}, same_environment=False)

    assert (sys.executable, "other", True) == (found.python, found.source, "no such package: ark" in found.why)
    assert [] == list((uv.parents[1] / "cache" / "homeostat" / "environments").iterdir())


def test_an_environment_is_made_once_for_a_lock(uv: Path) -> None:
    """From the exact versions, without this package; the second time no installer is asked."""
    write(uv, WORKING)
    made = interpreter(RECORDED, OTHER, {}, same_environment=False)
    asked = (uv.parent / "asked").read_text()
    uv.unlink()

    again = interpreter(RECORDED, OTHER, {}, same_environment=False)

    assert f"ark==1.0  # files {'b' * 64}\n" == asked
    assert ("rebuilt", made) == (again.source, again)


def test_a_linked_package_is_this_one(tmp_path: Path) -> None:
    """Any interpreter that has the folder first imports these sources, in this version."""
    folder = link_package(tmp_path / "package")
    ask = "import homeostat, importlib.metadata as m; print(homeostat.__file__, m.version('homeostat'))"

    said = subprocess.run(
        [sys.executable, "-S", "-c", ask], env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True
    ).stdout.split()

    assert [str(folder / "homeostat" / "__init__.py"), "0.1.0"] == said
