"""Which kinds of model come out the same when they are made again, and what they depend on.

Each is trained in a small project by `homeostat run`, in a process with a hash seed of its own, and made again by `homeostat
reproduce`: in another process, in an environment installed from the lock, with another hash seed. Then three times
more, each with one factor changed: the hash seed, the number of threads, the kernels of BLAS. The table is Markdown;
`docs/reproducibility.md` holds it. Kinds whose package is not installed are left out.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from homeostat.core.clock import DAY, parse_iso
from homeostat.reproduction.records import FACTORS
from homeostat.workspace import Config, Project, Workspace

KINDS = {
    "tree": "sklearn",
    "forest": "sklearn",
    "histogram boosting": "sklearn",
    "linear": "sklearn",
    "neural network": "sklearn",
    "text": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "torch": "torch",
}
_ROWS, _DAYS = 4000, 20
_WORDS = np.array([f"{first}{last}" for first in "bcdfglmnprst" for last in ("arn", "ell", "ick", "oat", "ung")])


def main() -> None:
    """Train, make again, print the table."""
    wanted = os.environ.get("BENCH_KINDS", "").split(",")
    kinds = [kind for kind, package in KINDS.items() if find_spec(package) and (kind in wanted or wanted == [""])]
    print(
        "| model | grade | other hash seed | other threads | other BLAS kernels | why |\n| --- | --- | --- | --- | --- | --- |"
    )
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder, "project")
        with Workspace.create(root, Config(project=Project(name="matrix"))) as workspace:
            workspace.datasets.append("rows", _rows(), source="made up")
        shutil.copy(Path(__file__).with_name("models.py"), root / "models.py")
        for kind in kinds:
            print(_row(kind, root), flush=True)


def _row(kind: str, root: Path) -> str:
    run = _homeostat(root, "run", "models:make", "--arg", f"kind={json.dumps(kind)}")
    made = _homeostat(root, "reproduce", run["run"], *(word for factor in FACTORS for word in ("--flip", factor)))
    flips = {flip["factor"]: flip["grade"] for flip in made["flips"]}
    why = made["cause"] if made["grade"] in "AB" else f"{made['sentence']} {made['cause']}"
    source = {"rebuilt": "", "same": " (packages not reinstalled)", "other": " (other packages)"}[made["environment"]]
    grades = (made["grade"] + source, flips["hash-seed"], flips["threads"], flips["blas"])
    return f"| {kind} | {' | '.join(grades)} | {why} |"


def _homeostat(root: Path, *words: str) -> dict[str, Any]:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}  # each draws its own
    command = [sys.executable, "-m", "homeostat", *words, "--project", str(root), "--json"]
    done = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _rows() -> pl.DataFrame:
    """Eight numbers and a text of ten words, both of which say something of the label."""
    random = np.random.default_rng(0)
    x = random.normal(size=(_ROWS, 8))
    drift = random.integers(0, len(_WORDS), (_ROWS, 10))
    label = x[:, 0] + x[:, 1] * x[:, 2] + (drift < 20).sum(1) / 3 + random.normal(size=_ROWS) > 1.2
    end = parse_iso("2013-01-21")
    return pl.DataFrame(
        {
            "at": pl.Series(np.linspace(end - _DAYS * DAY, end - 1, _ROWS).astype(np.int64)).cast(
                pl.Datetime("us", "UTC")
            ),
            **{f"x{i}": x[:, i] for i in range(8)},
            "text": [" ".join(_WORDS[row]) for row in drift],
            "label": label.astype(np.int64),
        }
    )
