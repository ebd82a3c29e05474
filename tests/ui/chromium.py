"""What every test in a browser needs: Chromium, the marks that say when it can run, and a server in a process of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from homeostat.ui.assets import has_bundle

CHROMIUM = shutil.which("chromium") or ""
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

MARKS = [
    pytest.mark.ui,
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # raised inside playwright
]
NEEDS_BUNDLE = "needs the bundle: cd web && npm ci && npm run build"
needs_bundle = pytest.mark.skipif(not has_bundle(), reason=NEEDS_BUNDLE)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield opened
        opened.close()


@contextmanager
def served(script: str, *arguments: str) -> Iterator[str]:
    """The address of a server that a script beside this one starts; it says its port first."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()
        assert 0 == process.wait(10)
