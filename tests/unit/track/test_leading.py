"""Which metric tells most, by its name."""

import pytest

from homeostat.track.leading import direction, leading


@pytest.mark.parametrize(
    ("key", "way"),
    [
        ("val/loss", "lower"),
        ("eval_RMSE", "lower"),
        ("logLoss", "lower"),
        ("val_f1", "higher"),
        ("top1_accuracy", "higher"),
        ("r2", "higher"),
        ("lr", None),
        ("glossary", None),
    ],
)
def test_names_say_which_way_is_better(key: str, way: str | None) -> None:
    """A direction is taken from whole words of a name, never from a part of one."""
    assert way == direction(key)


def test_what_was_held_out_leads() -> None:
    """A metric of held-out data tells more than one of training data, and one of the machine tells nothing."""
    keys = ["train/loss", "system/cpu_error", "lr", "val/loss", "test/accuracy"]

    assert ["test/accuracy", "val/loss", "train/loss", None] == [
        leading(keys),
        leading(keys[:4]),
        leading(keys[:3]),
        leading(["lr"]),
    ]
