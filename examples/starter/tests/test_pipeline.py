"""Outside of a pipeline a step is a plain function: call it."""

import homeostat as hs
from starter.pipeline import labelled, split_at_random, train
from starter.settings import CATEGORIES, LABEL, NUMBERS, POSITIVE

ROWS = 400


def observations() -> hs.Table:
    """Rows of which every second is positive, and every feature says so; the label of the first is not known."""
    is_positive = [row % 2 == 0 for row in range(ROWS)]
    negative = other_than(POSITIVE)
    labels = [POSITIVE if positive else negative for positive in is_positive]
    return hs.Table.of(
        {
            LABEL: [None, *labels[1:]],
            **{name: [float(positive) for positive in is_positive] for name in NUMBERS},
            **{name: ["yes" if positive else "no" for positive in is_positive] for name in CATEGORIES},
        }
    )


def other_than(value: bool | float | str) -> bool | float | str:  # noqa: FBT001  # a label may be one
    if isinstance(value, str):
        return f"not {value}"
    return not value if isinstance(value, bool) else value - 1


def test_rows_without_a_label_are_left_out() -> None:
    """A model learns only from rows whose outcome is known; POSITIVE is 1."""
    rows = labelled(observations()).polars()

    assert len(rows) == ROWS - 1
    assert rows[LABEL].sum() == ROWS // 2 - 1


def test_split_keeps_every_row() -> None:
    """Each row is either learned from or judged on."""
    rows = labelled(observations())

    past, newest = split_at_random(rows)

    assert rows.rows == past.rows + newest.rows


def test_model_learns_what_the_features_say() -> None:
    """Positive rows get a higher probability than the others."""
    rows = labelled(observations())

    model = train(rows)

    is_positive = rows.polars()[LABEL].to_numpy() == 1
    scores = model.predict(rows)
    assert scores[is_positive].min() > 0.9
    assert scores[~is_positive].max() < 0.1
