from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from ui.chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module, which open pages of their own in it. While it is open, asyncio has a running loop."""
    with chromium() as opened:
        yield opened
