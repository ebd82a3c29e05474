"""`homeostat import mlflow`, called as people call it."""

from pathlib import Path

from command_line import Call
from unit.importing import stores
from unit.importing.stores import CHURN, FIRST


def test_a_store_is_imported_into_any_directory(call: Call, tmp_path: Path) -> None:
    """With a table of what is there and what is here."""
    store = stores.file_store(tmp_path / "mlruns")

    answer = call("import", "mlflow", str(store), "--workspace", tmp_path / "kept")

    assert (0, "") == (answer.code, answer.err)
    table = {" ".join(line.split()[:-2]): line.split()[-2:] for line in answer.out.splitlines()[1:13]}
    assert ["13", "13"] == table["points"]
    assert ["2", "2"] == table["logged models"]
    assert "Not brought: 1 prompts, 3 runs and models without a folder of artifacts." in answer.out


def test_what_is_missing_is_listed_and_is_no_success(call: Call, project: Path, tmp_path: Path) -> None:
    """Exit code 4, for people and programs."""
    store = stores.file_store(tmp_path / "mlruns")
    (store / CHURN / FIRST / "metrics" / "curve").write_text("no point")

    told = call("import", "mlflow", str(store))
    answer = call("import", "mlflow", str(store), "--json")

    assert 4 == told.code == answer.code
    assert f"run {FIRST}: of metric 'curve' 0 of 0 points are here" in told.err
    assert [FIRST] == [one["id"] for one in answer.json["differences"]]


def test_a_dry_run_says_what_would_come(call: Call, project: Path, tmp_path: Path) -> None:
    """And writes nothing."""
    store = stores.file_store(tmp_path / "mlruns")

    answer = call("import", "mlflow", str(store), "--dry-run")

    assert 0 == answer.code
    assert "Would come: 5 runs and models" in answer.out
    assert [] == call("runs", "list", "--json").json["runs"]


def test_an_address_that_is_none_is_refused(call: Call, project: Path, tmp_path: Path) -> None:
    """With the exit codes of the other commands."""
    assert 3 == call("import", "mlflow", str(tmp_path / "absent")).code
    assert 2 == call("import", "mlflow", "mysql://host/db").code
