"""`homeostat data contract` and `homeostat validate` with all they can be asked."""

import json
from pathlib import Path

import polars as pl
import pytest

from command_line import Call, frame

MODULE = """
import pandera.polars as pa

schema = pa.DataFrameSchema({"distance": pa.Column(float, pa.Check.ge(0))})
loose = pa.DataFrameSchema({"distance": pa.Column(float, pa.Check(lambda found: True))})
"""


def contract(call: Call) -> dict[str, object]:
    found: dict[str, object] = json.loads(call("data", "contract", "rows").out)
    return found


def reviewed(call: Call, **changes: object) -> Path:
    """The contract in a file, as somebody edited it."""
    path = Path("reviewed.json")
    path.write_text(json.dumps(contract(call) | changes))
    return path


def test_inferring_sets_nothing(call: Call, project: Path) -> None:
    """An inferred contract is printed for review; the one in force stays."""
    call("data", "contract", "rows", "--set", reviewed(call, expectations=[]))

    answer = call("data", "contract", "rows", "--infer")

    assert 0 == answer.code
    assert json.loads(answer.out)["expectations"]
    assert [] == contract(call)["expectations"]


def test_inferring_and_setting_are_two_steps(call: Call, project: Path) -> None:
    """A reviewed file beside --infer would be ignored: that is refused."""
    answer = call("data", "contract", "rows", "--infer", "--set", reviewed(call))

    assert (2, True) == (answer.code, "Give --infer or --set, not both" in answer.err)


def test_a_file_is_set(call: Call, project: Path) -> None:
    """A reviewed file is in force from then on, and is printed."""
    answer = call("data", "contract", "rows", "--set", reviewed(call, tolerance=0.5))

    assert 0.5 == json.loads(answer.out)["tolerance"] == contract(call)["tolerance"]


def test_a_pandera_schema_of_the_project_is_set(call: Call, project: Path) -> None:
    """MODULE:SCHEMA is looked for from the project, and holds appends as its own contract would."""
    Path("checks_set.py").write_text(MODULE)

    answer = call("data", "contract", "rows", "--set", "checks_set:schema")
    frame().with_columns(distance=-pl.col("distance")).write_csv("negative.csv")

    assert (0, "") == (answer.code, answer.err)
    assert ["column", "nulls", "range"] == sorted(one["expect"] for one in json.loads(answer.out)["expectations"])
    assert 8 == call("validate", "rows", "negative.csv").code


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("nowhere.json", 3, "There is no file nowhere.json"),
        ("no_module_here:schema", 3, "No module named 'no_module_here'"),
        ("checks_bad:other", 3, "has no attribute 'other'"),
        ("checks_bad:loose", 2, "check"),
        ("broken.json", 2, "Not JSON"),
        ("wrong.json", 2, "Not a contract"),
    ],
)
def test_what_cannot_be_set_is_refused(call: Call, project: Path, given: str, code: int, said: str) -> None:
    """A file, module or schema that is none is named with the reason, and the contract in force stays."""
    Path("checks_bad.py").write_text(MODULE)
    Path("broken.json").write_text("{")
    Path("wrong.json").write_text('{"name": "rows", "expectations": [{"expect": "nonsense"}]}')
    before = contract(call)

    answer = call("data", "contract", "rows", "--set", given)

    assert (code, "") == (answer.code, answer.out)
    assert said in answer.err
    assert before == contract(call)


def test_a_diff_with_a_file_sets_nothing(call: Call, project: Path) -> None:
    """What would change is printed line by line, for people and as one object."""
    path = reviewed(call, tolerance=0.5)

    shown = call("data", "contract", "rows", "--set", path, "--diff")
    printed = call("data", "contract", "rows", "--set", path, "--diff", "--json")

    assert "~ tolerance: 0.05 -> 0.5\n" == shown.out
    assert {"changes": ["~ tolerance: 0.05 -> 0.5"]} == printed.json
    assert 0.05 == contract(call)["tolerance"]


def test_a_diff_with_what_is_in_force(call: Call, project: Path) -> None:
    """The same rows give the same contract: inferring it again changes nothing."""
    assert "No changes.\n" == call("data", "contract", "rows", "--infer", "--diff").out


def test_a_diff_needs_something_to_compare(call: Call, project: Path) -> None:
    """Alone it says what to add."""
    answer = call("data", "contract", "rows", "--diff")

    assert 2 == answer.code
    assert "--diff --infer, or --diff --set FILE" in answer.err


def test_an_environment_is_without_its_columns(call: Call, project: Path) -> None:
    """Rows without the label pass where serving is without it, and only there."""
    environments = {"serving": {"absent": ["late"]}}
    call("data", "contract", "rows", "--set", reviewed(call, environments=environments))
    frame().drop("late").write_csv("asked.csv")

    codes = [call("validate", "rows", "asked.csv", *where).code for where in ((), ("--environment", "serving"))]
    unknown = call("validate", "rows", "asked.csv", "--environment", "moon")

    assert [8, 0] == codes
    assert 2 == unknown.code
    assert "no environment 'moon'; it has: serving" in unknown.err


def test_a_report_is_a_page(call: Call, project: Path) -> None:
    """The page is one file that names the columns and what failed, whether the rows pass or not."""
    frame().drop("carrier").write_csv("more.csv")

    answer = call("validate", "rows", "more.csv", "--report", "report.html")

    page = Path("report.html").read_text()
    assert 8 == answer.code
    assert page.startswith("<!doctype html>")
    assert "no such column" in page
    assert "distance" in page
    assert "<script" not in page


def test_a_report_that_cannot_be_written_is_said(call: Call, project: Path) -> None:
    """A folder that is not there is named."""
    frame().write_csv("more.csv")

    answer = call("validate", "rows", "more.csv", "--report", "nowhere/report.html")

    assert 2 == answer.code
    assert "nowhere/report.html: No such file or directory" in answer.err


def test_the_terminal_says_what_is_next(call: Call, project: Path) -> None:
    """What fits can be added; what is blocked is mended, or its contract is."""
    frame().write_csv("good.csv")
    frame().drop("carrier").write_csv("bad.csv")

    good, bad = (call("validate", "rows", name).out.splitlines()[-1] for name in ("good.csv", "bad.csv"))

    assert "Next: homeostat data append rows good.csv adds 200 rows." == good
    assert bad.startswith("Next: mend the feed; or, if it is right, the contract: homeostat data contract rows")
