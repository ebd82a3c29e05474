"""Student's t against SciPy's."""

import pytest
from scipy import stats

from homeostat.stats.student import reach, within


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 10, 31, 199])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_are_those_of_the_distribution(degrees: int, confidence: float) -> None:
    """For few and for many degrees of freedom, odd and even."""
    assert stats.t.ppf((1 + confidence) / 2, degrees) == pytest.approx(reach(confidence, degrees), rel=1e-9)


def test_nothing_lies_within_nothing() -> None:
    """The interval of no length is empty."""
    assert 0 == within(0.0, 5)
