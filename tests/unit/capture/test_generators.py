import random

import numpy as np

from homeostat.capture import generators


def drawn() -> list[float]:
    """Some numbers of each global generator; two normal deviates, of which the second is kept back by the first."""
    return [random.random(), np.random.rand(), np.random.randn(), np.random.randn(), random.gauss()]  # noqa: NPY002 - it is about them


def test_restored_generators_draw_the_same_numbers_again() -> None:
    """Whatever was drawn in between."""
    states = generators.capture()
    first = drawn()
    drawn()

    generators.restore(states)

    assert first == drawn()


def test_a_kept_deviate_is_part_of_the_state() -> None:
    """A normal deviate that was made but not handed out yet comes next in both."""
    np.random.randn()  # noqa: NPY002 - it is about it
    states = generators.capture()
    first = drawn()

    generators.restore(states)

    assert first == drawn()
