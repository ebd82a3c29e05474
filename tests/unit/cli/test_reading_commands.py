from pathlib import Path

import polars as pl
import pytest

from command_line import Call


def test_models_of_an_unknown_system_are_not_found(call: Call, project: Path) -> None:
    """A misspelled system is an error, not an empty list."""
    answer = call("models", "nothing")

    assert 3 == answer.code
    assert "No model of a system 'nothing' has been trained. There are models of: none." in answer.err


def test_labels_need_their_two_columns(call: Call, project: Path) -> None:
    """A file of labels without `value` is refused with the columns it has, before any gateway is asked."""
    pl.DataFrame({"id": ["p1"], "late": [True]}).write_csv("labels.csv")

    answer = call("label", "example", "labels.csv")

    assert 2 == answer.code
    assert "labels.csv has no column 'value'. Its columns are: id, late." in answer.err


def test_labels_are_numbers(call: Call, project: Path) -> None:
    """A label that is a text is refused with what labels are."""
    pl.DataFrame({"id": ["p1"], "value": ["yes"]}).write_csv("labels.csv")

    answer = call("label", "example", "labels.csv")

    assert 2 == answer.code
    assert "Column 'value' of labels.csv holds string; labels are numbers, such as 0 and 1." in answer.err


def test_predict_without_a_gateway_says_how_to_start_one(call: Call, project: Path) -> None:
    """Nobody listens: the message says what to start."""
    pl.DataFrame({"distance": [1.0]}).write_csv("rows.csv")

    answer = call("predict", "example", "rows.csv")

    assert 5 == answer.code
    assert "Start one: homeostat up" in answer.err


@pytest.mark.parametrize("version", ["rows", "rows@x", "@1"])
def test_impact_needs_a_version(call: Call, project: Path, version: str) -> None:
    """What names no version is shown with the form it should have."""
    answer = call("impact", version)

    assert 2 == answer.code
    assert f"{version!r} names no dataset version" in answer.err


@pytest.mark.parametrize("arguments", [("--arg", "x"), ("--data", "rows")])
def test_run_needs_values(call: Call, project: Path, arguments: tuple[str, str]) -> None:
    """A parameter without a value is shown with the form it should have."""
    Path("waiting.py").write_text(
        "import homeostat as hs\n\n@hs.pipeline\ndef nothing(x: int = 0) -> int:\n    return x\n"
    )

    answer = call("run", "waiting:nothing", *arguments)

    assert 2 == answer.code
    assert "Write parameter=value" in answer.err


def test_run_says_what_a_pipeline_waits_for(call: Call, project: Path) -> None:
    """A pipeline whose dataset is not there yet says how to begin it."""
    Path("wanting.py").write_text(
        "import homeostat as hs\n\n@hs.pipeline\ndef count(flights: hs.Dataset) -> int:\n    return 1\n"
    )

    answer = call("run", "wanting:count")

    assert 3 == answer.code
    assert "takes the dataset 'flights', which is not there yet. Begin it: homeostat data append flights" in answer.err


def test_run_of_what_a_module_lacks_is_not_found(call: Call, project: Path) -> None:
    """A misspelled pipeline is named with the file it was looked for in."""
    Path("lacking.py").write_text("")

    answer = call("run", "lacking:nothing")

    assert 3 == answer.code
    assert f"{project / 'lacking.py'} has no 'nothing'" in answer.err
