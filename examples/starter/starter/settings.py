"""The one place to name your data. Everything else in this project reads it from here."""

SYSTEM: str = "starter"

# The column to predict, and which of its two values the model gives the probability of.
LABEL: str = "label"
POSITIVE: bool | int | float | str = 1

# The column that says when a row happened, of type timestamp; empty if there is none: rows are split at random then.
TIME: str = ""

# What the model may look at. Take out whatever is known only after the fact: at serving time nobody can send it.
NUMBERS: tuple[str, ...] = ("amount",)
CATEGORIES: tuple[str, ...] = ("kind",)

# How far back a training looks, and how much of the newest it is judged on. Not used without TIME.
HISTORY: str = "365d"
HOLDOUT: str = "7d"
