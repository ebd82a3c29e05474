"""Data windows of a declaration."""

import pytest

from homeostat.core.clock import DAY
from homeostat.core.errors import InvalidDeclaration
from homeostat.loop.declaration import DataWindow, window


def test_window_is_the_last_of_a_column() -> None:
    """A duration and a column make a window that slides with time."""
    assert DataWindow(last_us=56 * DAY, on="scheduled") == window(last="56d", on="scheduled")


def test_window_without_both_is_everything() -> None:
    """Data without a time has no last part: a training sees all of it."""
    assert DataWindow(last_us=0, on="") == window()


@pytest.mark.parametrize(("last", "on", "lacking"), [("56d", "", "no column"), ("", "scheduled", "not how much")])
def test_half_a_window_is_refused(last: str, on: str, lacking: str) -> None:
    """How much without of what, or the other way round, is a mistake, and the message says which."""
    with pytest.raises(InvalidDeclaration, match=f"says {lacking}. Give both"):
        window(last=last, on=on)
