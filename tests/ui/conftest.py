from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from ui.chromium import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser; each test opens a page or context of its own in it."""
    with chromium() as opened:
        yield opened
