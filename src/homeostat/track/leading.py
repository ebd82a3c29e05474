"""Which metric tells most of a run, and which way of it is better. A guess from names, which whoever shows it says in words.

No I/O here.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

Direction = Literal["lower", "higher"]

SYSTEM = "system/"  # metrics of the machine begin with it
_LOWER = frozenset(
    [
        "loss",
        "error",
        "err",
        "rmse",
        "mse",
        "mae",
        "mape",
        "smape",
        "brier",
        "perplexity",
        "ppl",
        "wer",
        "cer",
        "fid",
        "nll",
        "bpb",
        "bpc",
        "logloss",
        "deviance",
        "regret",
        "latency",
    ]
)
_HIGHER = frozenset(
    [
        "acc",
        "accuracy",
        "auc",
        "auroc",
        "auprc",
        "aucpr",
        "ap",
        "map",
        "f1",
        "fscore",
        "precision",
        "recall",
        "sensitivity",
        "specificity",
        "r2",
        "score",
        "bleu",
        "rouge",
        "iou",
        "dice",
        "ndcg",
        "mrr",
        "hit",
        "kappa",
        "mcc",
        "reward",
        "return",
        "psnr",
        "ssim",
        "likelihood",
    ]
)
# What a metric was measured on, the most telling first.
_HELD_OUT = ("test", "holdout", "val", "valid", "validation", "eval", "dev")
_TRAINED_ON = frozenset(("train", "training", "batch", "step"))


def direction(key: str) -> Direction | None:
    """Which way is better, as far as the name says."""
    words = _words(key)
    if any(word in _LOWER for word in words):
        return "lower"
    return "higher" if any(word in _HIGHER for word in words) else None


def leading(keys: Iterable[str]) -> str | None:
    """The metric that tells most: known to be better one way, of data that was held out. None if no name says so."""
    known = [key for key in keys if not key.startswith(SYSTEM) and direction(key) is not None]
    return min(known, key=_place, default=None)


def _place(key: str) -> tuple[int, int, str]:
    words = _words(key)
    held_out = next((place for place, word in enumerate(_HELD_OUT) if word in words), len(_HELD_OUT))
    return held_out, int(any(word in _TRAINED_ON for word in words)), key


def _words(key: str) -> list[str]:
    """`val/logLoss_2` says val, log, loss, logloss."""
    parts = re.findall(r"[a-z]+\d?|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())
    return [*parts, *(first + second for first, second in pairwise(parts))]
