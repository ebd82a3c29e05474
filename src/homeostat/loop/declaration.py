"""A system's declaration as data with a JSON form, and its parts that the loop itself obeys: data windows, where versions come from,
rollout, retrain policy.

Gates are declared in the registry, setpoints in the monitor.
"""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from homeostat.core.digests import Digest, digest_of
from homeostat.core.durations import Rate, duration_us, rate
from homeostat.core.errors import InvalidDeclaration
from homeostat.monitor.setpoints import PairedLoss, Setpoint
from homeostat.registry.gate import Gate

_LABELS = re.compile(r"labels\s*>=\s*(\d+)")


class DataWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a dataset that a training sees: the last `last_us` by the column `on`, or all if `on` is empty."""

    last_us: int = 0
    on: str = ""


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """Versions are not trained here: clients register them under the system's name.

    Attributes:
        label: the column of the system's data that says what really happened; each version is judged on the rows that have it.
    """

    label: str


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """How a challenger earns production.

    Attributes:
        shadow_us: how long it is scored without answering.
        canary: its growing shares of the answers.
        hold_us: the least time at each share.
        loss: what is compared: `brier`, `error_rate`, or `ranking` (see `monitor.setpoints.PairedLoss`).
        margin: how much more mean loss than the champion's is still no harm (non-inferiority), in units of the loss.
        alpha: bound on the chance that an equally good challenger is ever rolled back, or a worse one by `margin` promoted.
        timeout_us: after this long without a verdict the champion takes everything back.
    """

    shadow_us: int
    canary: tuple[float, ...]
    hold_us: int
    loss: PairedLoss
    margin: float
    alpha: float
    timeout_us: int


class Retrain(msgspec.Struct, frozen=True, kw_only=True):
    """When to train again.

    Attributes:
        breach: when a performance setpoint is breached.
        age: when the age setpoint is breached.
        labels: when this many labels arrived since the champion's training data ended, or None.
        cooldown_us: the least time between two trainings.
        budget: at most so many trainings in so long.
    """

    breach: bool
    age: bool
    labels: int | None
    cooldown_us: int
    budget: Rate


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """A system as data: what the database holds and every door can show without importing user code.

    Attributes:
        pipeline: where its pipeline is, as `module:name`; empty if clients register its versions.
        registered: how those are judged, or None.
        entity: the raw column that decides which arm answers a row.
    """

    name: str
    pipeline: str
    data: dict[str, DataWindow]
    gates: tuple[Gate, ...]
    rollout: Rollout
    setpoints: tuple[Setpoint, ...]
    retrain: Retrain
    entity: str
    look_every_us: int
    registered: Registered | None = None

    @property
    def digest(self) -> Digest:
        return digest_of(self)


def window(last: str = "", on: str = "") -> DataWindow:
    """The last `last` (such as `56d`) of a dataset by its timestamp column `on`; without both, all of its rows.

    Raises: InvalidDuration. InvalidDeclaration if one is given without the other.
    """
    if bool(last) != bool(on):
        raise InvalidDeclaration(
            f"window(last={last!r}, on={on!r}) says {'no column' if last else 'not how much'}. Give both, such as "
            f"last='56d', on='scheduled'; or neither, for all rows of the dataset."
        )
    if not on:
        return DataWindow()
    return DataWindow(last_us=duration_us(last), on=on)


def registered(label: str) -> Registered:
    """For a system whose versions MLflow clients register: each new one is judged on the labelled rows of the system's data.

    Args:
        label: the column of that data which says what really happened.
    """
    return Registered(label=label)


def rollout(
    shadow: str = "1d",
    canary: Sequence[float] = (0.05, 0.25),
    hold: str = "6h",
    *,
    loss: PairedLoss = "brier",
    margin: float = 0.01,
    alpha: float = 0.05,
    timeout: str = "7d",
) -> Rollout:
    """Shadow, then growing canary shares, then champion.

    Raises: InvalidDeclaration if the shares do not grow within (0, 1), or margin or alpha make no sense. InvalidDuration.
    """
    shares = tuple(canary)
    if any(not 0 < share < 1 for share in shares) or list(shares) != sorted(set(shares)):
        raise InvalidDeclaration(f"canary={list(shares)} must be growing shares between 0 and 1, such as [0.05, 0.25].")
    if margin <= 0 or not 0 < alpha < 1:
        raise InvalidDeclaration(f"margin={margin} must be above 0 and alpha={alpha} between 0 and 1.")
    return Rollout(
        shadow_us=duration_us(shadow),
        canary=shares,
        hold_us=duration_us(hold),
        loss=loss,
        margin=margin,
        alpha=alpha,
        timeout_us=duration_us(timeout),
    )


def retrain(on: Sequence[str] = ("breach", "age"), cooldown: str = "3d", budget: str = "6 per 30d") -> Retrain:
    """When to train again: any of `breach`, `age`, `labels>=N`.

    Raises: InvalidDeclaration naming the trigger that is none. InvalidDuration.
    """
    labels: int | None = None
    for trigger in on:
        match = _LABELS.fullmatch(trigger.strip())
        if match:
            labels = int(match[1])
        elif trigger not in ("breach", "age"):
            raise InvalidDeclaration(
                f"{trigger!r} is no trigger of a retraining: use 'breach', 'age' or 'labels>=20000'."
            )
    return Retrain(
        breach="breach" in on,
        age="age" in on,
        labels=labels,
        cooldown_us=duration_us(cooldown),
        budget=rate(budget),
    )


Phase = Literal["idle", "training", "approval", "shadow", "canary"]

# How often the loop looks at a system of which nothing else is known. Event time.
LOOK_EVERY = "5m"
