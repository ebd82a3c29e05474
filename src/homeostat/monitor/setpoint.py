"""How users declare setpoints: `hs.setpoint.performance("brier", at_most=0.19, label_delay="1d")` and its siblings."""

from collections.abc import Sequence
from typing import get_args

from homeostat.core.durations import duration_us
from homeostat.core.errors import InvalidDeclaration
from homeostat.monitor.setpoints import Age, Distance, Drift, Errors, Latency, Loss, Performance


def performance(
    loss: Loss,
    *,
    at_most: float,
    label_delay: str,
    window: str = "7d",
    false_alarms_per_year: float = 1.0,
    min_coverage: float = 0.5,
) -> Performance:
    """The mean loss of the answers, once their labels are in, stays at or below `at_most`.

    Raises: InvalidDeclaration naming the value that cannot be. InvalidDuration.
    """
    _one_of("loss", loss, get_args(Loss))
    _between("performance at_most", at_most, 1.0)
    _between("performance min_coverage", min_coverage, 1.0, including=True)
    _positive("performance false_alarms_per_year", false_alarms_per_year)
    return Performance(
        loss=loss,
        at_most=at_most,
        label_delay_us=duration_us(label_delay),
        window_us=_window(window),
        false_alarms_per_year=false_alarms_per_year,
        min_coverage=min_coverage,
    )


def drift(distance: Distance, *, at_most: float, columns: Sequence[str] = (), window: str = "7d") -> Drift:
    """No input, and not the score, lies further than `at_most` from the reference; or only the `columns` named.

    Inputs that follow the seasons drift all year; `columns=["score"]` judges what the model makes of them.

    `psi`: population stability index, debiased (0.1 is a shift to watch, 0.25 one to act on). `js`: Jensen-Shannon
    distance in [0, 1]. `ks`: Kolmogorov-Smirnov distance in [0, 1]. `w1`: Wasserstein distance over the reference's
    interquartile range.

    Raises: InvalidDeclaration naming the value that cannot be. InvalidDuration.
    """
    _one_of("distance", distance, get_args(Distance))
    _positive("drift at_most", at_most)
    return Drift(distance=distance, at_most=at_most, columns=tuple(columns), window_us=_window(window))


def errors(*, at_most: float, window: str = "7d") -> Errors:
    """The share of failed requests stays at or below `at_most`.

    Raises: InvalidDeclaration if it is not a share. InvalidDuration.
    """
    _between("errors at_most", at_most, 1.0)
    return Errors(at_most=at_most, window_us=_window(window))


def latency(*, p99_ms: float, window: str = "7d") -> Latency:
    """99 of 100 answers take `p99_ms` milliseconds or less.

    Raises: InvalidDeclaration if it is not positive. InvalidDuration.
    """
    _positive("latency p99_ms", p99_ms)
    return Latency(p99_ms=p99_ms, window_us=_window(window))


def age(*, at_most: str) -> Age:
    """The champion was trained `at_most` ago or later.

    Raises: InvalidDuration.
    """
    return Age(at_most_us=duration_us(at_most))


def _window(text: str) -> int:
    length = duration_us(text)
    _positive("window", length)
    return length


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidDeclaration(f"{value!r} is not a {what} of a setpoint. There are: {', '.join(known)}.")


def _positive(what: str, value: float) -> None:
    if not value > 0:
        raise InvalidDeclaration(f"{what} is {value:g}; it must be above 0.")


def _between(what: str, value: float, high: float, *, including: bool = False) -> None:
    if not (0 < value < high or (including and value in (0, high))):
        raise InvalidDeclaration(f"{what} is {value:g}; it must lie between 0 and {high:g}.")
