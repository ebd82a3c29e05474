"""A project that `homeostat init` wrote: it trains at once, tests itself, serves, and says what is wrong with a request."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from command_line import process

pytestmark = pytest.mark.e2e

COLUMNS = ["id", "at", "amount", "kind", "late"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a table, and the project `payments` made from it."""
    folder = tmp_path_factory.mktemp("home")
    payments().write_csv(folder / "payments.csv")
    made = process(*("init", "payments", "--table", "payments.csv", "--label", "late", "--time", "at"), cwd=folder)
    assert (0, "") == (made.code, made.err)
    return folder


def payments(rows: int = 1500) -> pl.DataFrame:
    """Payments of two months, the latest of yesterday; late ones are large, or by wire."""
    rng = np.random.default_rng(0)
    amount = rng.gamma(2, 50, rows).round(2)
    kind = rng.choice(["card", "cash", "wire"], rows)
    is_late = rng.random(rows) < 1 / (1 + np.exp(2 - amount / 100 - 1.5 * (kind == "wire")))
    minutes = pl.Series(np.arange(rows)[::-1] * 58)
    at = pl.Series([time.time_ns() // 1000 - 86_400_000_000] * rows).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            "at": (at - minutes.cast(pl.Duration("ms")) * 60_000).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "amount": amount,
            "kind": kind,
            "late": np.where(is_late, "yes", "no"),
        }
    ).select(COLUMNS)


@contextmanager
def running(*arguments: str, cwd: Path) -> Iterator[None]:
    """A long-running command, for as long as the block."""
    started = subprocess.Popen([sys.executable, "-m", "homeostat", *arguments], cwd=cwd, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(30)


def champion(project: Path) -> Any:
    [system] = process("status", "--json", cwd=project).json["systems"] or [{"champion": None}]
    return system["champion"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_second_run_is_cached(home: Path) -> None:
    """One command trains; the same command again runs nothing."""
    # Other tests of this project may have run it before.
    first = process("run", "--json", "--no-cache", cwd=home / "payments")
    second = process("run", "--json", cwd=home / "payments")

    assert [0, 0] == [first.code, second.code]
    assert ["ran", "ran", "ran"] == [step["status"] for step in first.json["steps"]]
    assert ["cached", "cached", "cached"] == [step["status"] for step in second.json["steps"]]
    assert [step["outputs"] for step in first.json["steps"]] == [step["outputs"] for step in second.json["steps"]]


def test_run_prints_its_steps(home: Path) -> None:
    """For people each step is a line with what became of it."""
    answer = process("run", "--no-cache", cwd=home / "payments")

    assert ["labelled", "split_by_time", "train"] == [line.split()[1] for line in answer.err.splitlines()]
    assert answer.out.startswith("train_candidate finished: 3 steps ran, 0 were cached")


def test_project_passes_its_own_tests(home: Path) -> None:
    """The test that comes with the project holds for the columns of the user's table."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=home / "payments",
        capture_output=True,
        text=True,
        check=False,
    )

    assert "3 passed" in done.stdout


def test_contract_is_in_force(home: Path) -> None:
    """The table's contract lies in the project for review, and new rows are held to it."""
    project = home / "payments"
    payments().drop("kind").write_csv(home / "short.csv")

    answer = process("validate", "observations", home / "short.csv", cwd=project)

    assert 8 == answer.code
    assert ["blocked", "column", "kind", "no such column"] in [
        re.split(r"  +", line)[:4] for line in answer.out.splitlines()
    ]
    assert (project / "contracts" / "observations.json").read_text() == process(
        "data", "contract", "observations", cwd=project
    ).out.rstrip("\n") + "\n"


def test_project_without_a_table_says_what_it_needs(tmp_path: Path) -> None:
    """Without a table the project is whole but for its data, and the command says how to import some."""
    made = process("init", "blank", cwd=tmp_path)

    ran = process("run", cwd=tmp_path / "blank")

    assert (0, 3) == (made.code, ran.code)
    assert "homeostat data append observations PATH" in made.out
    assert "blank/settings.py" in made.out
    assert "takes the dataset 'observations', which is not there yet" in ran.err


def test_project_serves_and_names_what_a_request_lacks(home: Path, tmp_path: Path) -> None:
    """The loop trains and deploys; a request without a column is refused by name, and the next one is answered."""
    project = home / "payments"
    port = free_port()
    with (
        running("gateway", "--port", str(port), cwd=project),
        running("controller", cwd=project),
    ):
        deadline = time.monotonic() + 120
        while champion(project) != 1 and time.monotonic() < deadline:
            time.sleep(0.5)
        payments().head(3).drop("kind").write_csv(tmp_path / "short.csv")
        payments().head(3).select("id", "amount", "kind").write_csv(tmp_path / "whole.csv")
        payments().head(3).with_columns(amount=pl.lit("much")).write_csv(tmp_path / "wrong.csv")

        short, wrong, whole = (
            process("predict", "payments", tmp_path / f"{name}.csv", "--json", cwd=project)
            for name in ("short", "wrong", "whole")
        )

    assert (2, "missing-column") == (short.code, short.json["error"]["code"])
    assert "Row 0 has no 'kind'; the model needs a text." in short.json["error"]["message"]
    assert (2, "wrong-type") == (wrong.code, wrong.json["error"]["code"])
    assert "Column 'amount' of row 0 is 'much', but the model needs a number." in wrong.json["error"]["message"]
    assert (0, [1, 1, 1]) == (whole.code, [one["version"] for one in whole.json["predictions"]])
