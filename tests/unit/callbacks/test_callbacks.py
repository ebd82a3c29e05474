"""The face of the callbacks, and what they cost."""

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

import homeostat as hs
from homeostat.callbacks.guard import number
from unit.callbacks.conftest import Told


def test_a_library_is_imported_with_its_callback_only() -> None:
    """The package itself loads none, and those that need no import stay without."""
    script = (
        "import sys, homeostat as hs\n"
        "hs.callbacks.optuna(); hs.callbacks.lightgbm(); hs.callbacks.transformers()\n"
        "libraries = {'xgboost', 'lightgbm', 'optuna', 'transformers', 'torch', 'sklearn', 'numpy'}\n"
        "print(sorted(libraries & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "[]\n" == ended.stdout


def test_an_unknown_library_is_named() -> None:
    """With those there are."""
    with pytest.raises(AttributeError, match=r"'keras'.*lightgbm, optuna, sklearn, torch, transformers, xgboost"):
        _ = hs.callbacks.keras


@pytest.mark.parametrize(
    ("text", "expected"), [("3", 3), ("0.300000012", 0.3), ("1e-05", 1e-05), ("hist", "hist"), ("nan()", "nan()")]
)
def test_numbers_in_texts_are_numbers(text: str, expected: Any) -> None:
    """Of single precision, as they were written."""
    assert expected == number(text)


def test_events_that_do_not_matter_go_by() -> None:
    """Trainer may ask for events that there are not yet; nothing else is made up."""
    callback = hs.callbacks.transformers()

    assert callback.on_some_event_to_come(1, model=None) is None
    with pytest.raises(AttributeError):
        _ = callback.somewhere


def test_a_round_costs_microseconds(told: Told) -> None:
    """A round of LightGBM with two sets and two metrics, at the caller: under 0.2 ms even on a busy machine."""

    results = [(data, metric, 0.5, True) for data in ("train", "valid") for metric in ("auc", "logloss")]
    env = SimpleNamespace(model=None, params={}, begin_iteration=0, iteration=0, evaluation_result_list=results)
    rounds = hs.callbacks.lightgbm()
    fastest_s = 1.0
    for iteration in range(300):
        env.iteration = iteration
        begun = time.perf_counter()
        rounds(env)
        fastest_s = min(fastest_s, time.perf_counter() - begun)

    assert fastest_s < 2e-4
