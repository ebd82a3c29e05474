"""Processors and memory, lent to steps."""

import threading

import pytest

from homeostat.core.errors import InvalidDeclaration
from homeostat.pipelines.resources import Resources, memory_bytes


def test_sizes_are_read() -> None:
    """Sizes have decimal and binary units."""
    assert [1_500_000, 4 * 2**30] == [memory_bytes("1.5 MB"), memory_bytes("4GiB")]


def test_what_is_no_size_is_refused() -> None:
    """The message says how a size is written."""
    with pytest.raises(InvalidDeclaration, match="memory='much' is no size"):
        memory_bytes("much")


def test_nobody_gets_what_another_holds() -> None:
    """Who asks for more than is free waits until it is."""
    resources = Resources(2, 100)
    order: list[str] = []

    def late() -> None:
        with resources.lent(2, 0):
            order.append("late")

    with resources.lent(1, 60):
        waiting = threading.Thread(target=late)
        waiting.start()
        order.append("early")
    waiting.join()

    assert ["early", "late"] == order


def test_who_asks_for_more_than_there_is_gets_all() -> None:
    """It runs alone instead of never."""
    with Resources(2, 100).lent(64, 10**12):
        pass


def test_this_machine_has_something_to_lend() -> None:
    """Processors and memory are found out."""
    with Resources.of_this_machine().lent(1, 1):
        pass
