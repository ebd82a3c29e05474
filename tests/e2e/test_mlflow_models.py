"""Models that an MLflow client registers, from log_model to an answer, the next version and back: real processes, real environments."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

from e2e.mlflow_environments import client, free_port

pytestmark = pytest.mark.e2e

CLIENT = Path(__file__).parent / "mlflow_tour" / "models.py"
COLUMNS = ["age", "income", "home"]
_CONFIG = '[project]\nname = "shop"\nsystems = ["shop:credit", "shop:distance"]\n'
_SYSTEMS = """
import homeostat as hs


def registered(name: str, *gates: object) -> hs.System:
    return hs.System(
        name=name,
        pipeline=hs.registered(label="defaulted"),
        data={"loans": hs.window()},
        gates=gates,
        rollout=hs.rollout(shadow="0s", canary=[0.5], hold="0s", margin=0.2),
        look_every="2s",
    )


credit = registered(
    "credit", hs.gate.metric("auc", at_least=0.6), hs.gate.not_worse_than_champion("auc", margin=0.05)
)
distance = registered("distance", hs.gate.metric("auc", at_least=0.5), hs.gate.latency(p99_ms=5000))
"""


def loans(folder: Path) -> pl.DataFrame:
    """Rows to learn from and rows to be judged on; the latter are returned."""
    random = np.random.default_rng(7)
    frame = pl.DataFrame(
        {
            "age": random.integers(18, 80, 800),
            "income": random.normal(30_000, 9_000, 800),
            "home": random.choice(["own", "rent"], 800),
        }
    )
    risk = (35_000 - frame["income"].to_numpy()) / 8_000 + (frame["home"] == "rent").to_numpy()
    frame = frame.with_columns(pl.Series("defaulted", (random.random(800) < 1 / (1 + np.exp(-risk))).astype(int)))
    frame[:400].write_csv(folder / "past.csv")
    frame[400:].write_csv(folder / "newest.csv")
    return frame[400:]


class Shop:
    """A project that is up, an MLflow client of it, and its gateway."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        self.rows = loans(root)
        (root / "homeostat.toml").write_text(_CONFIG)
        (root / "shop.py").write_text(_SYSTEMS)
        self.homeostat("data", "add", "loans", "newest.csv")
        port, self.gateway_port = free_port(), free_port()
        up = [sys.executable, "-m", "homeostat", "up", "--port", str(port), "--gateway-port", str(self.gateway_port)]
        self._log = (root / "up.log").open("w")
        self._up = subprocess.Popen(up, cwd=root, stdout=self._log, stderr=self._log)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.gateway_port}", timeout=60)
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/health").text == "OK", "the server is up")
        self._client = subprocess.Popen(
            [python, "-W", "ignore", CLIENT, f"http://127.0.0.1:{port}", root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=root,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        )

    def register(self, kind: str, value: Any) -> list[float]:
        """Log a model of a kind; what it answers in the client to the newest rows."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        print(json.dumps([kind, value]), file=self._client.stdin, flush=True)
        while line := self._client.stdout.readline():
            if line.startswith("["):
                found: list[float] = json.loads(line)
                return found
        raise AssertionError((self.root / "up.log").read_text()[-3000:])

    def homeostat(self, *command: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "homeostat", *command, "--json"],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stdout + done.stderr
        return json.loads(done.stdout)

    def decisions(self, system: str) -> list[str]:
        """Verdict and sentence of each, newest first."""
        return [f"{one['verdict']}: {one['sentence']}" for one in self.homeostat("decisions", system)["decisions"]]

    def predict(self, system: str) -> list[dict[str, Any]]:
        """Predictions of the newest rows; none while the system is not served."""
        answer = self.http.post(f"/predict/{system}", json={"rows": self.rows.select(COLUMNS).to_dicts()})
        predictions: list[dict[str, Any]] = answer.json().get("predictions", [])
        return predictions

    def serves(self, system: str, version: int) -> bool:
        return {version} == {one["version"] for one in self.predict(system)}

    def label(self, system: str, predictions: list[dict[str, Any]]) -> None:
        said = zip(predictions, self.rows["defaulted"].to_list(), strict=True)
        labels = [{"id": one["id"], "value": value} for one, value in said]
        assert 200 == self.http.post(f"/labels/{system}", json={"labels": labels}).status_code

    def close(self) -> None:
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.close()
        self._client.wait(60)
        self._client.stdout.close()
        self._up.send_signal(signal.SIGTERM)
        self._up.wait(60)
        self.http.close()
        self._log.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path, client("mlflow3"))
    yield opened
    opened.close()


def until(is_so: Callable[[], bool], what: str, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    pytest.fail(f"After {within_s:.0f} s it is not so that {what}.")


def scores(predictions: list[dict[str, Any]]) -> list[float]:
    return [one["score"] for one in predictions]


@pytest.mark.timeout(600)
def test_from_log_model_to_an_answer_the_next_version_and_back(shop: Shop) -> None:
    """Answers over HTTP are those of the client; labels carry the next version over; the way back is open; what cannot be installed
    harms nobody."""
    first, own = shop.register("credit", 1.0), shop.register("distance", 40_000.0)
    until(lambda: shop.serves("credit", 1) and shop.serves("distance", 1), "both systems answer")

    shown = shop.homeostat("models", "show", "credit@1")["mlmodel"]
    assert ["python_function", "sklearn"] == shown["flavours"]
    assert [("age", "int"), ("income", "float"), ("home", "string")] == [
        (column["name"], column["type"]) for column in shown["inputs"]["columns"]
    ]
    assert first == pytest.approx(scores(shop.predict("credit")), abs=1e-12)
    assert own == pytest.approx(scores(shop.predict("distance")), abs=1e-12)
    split = {"columns": COLUMNS, "data": shop.rows.select(COLUMNS).rows()}
    invoked = shop.http.post("/invocations/credit", json={"dataframe_split": split}).json()["predictions"]
    assert first == pytest.approx(invoked, abs=1e-12)
    tensors = [
        {"name": name, "shape": [400], "datatype": kind, "data": shop.rows[name].to_list()}
        for name, kind in zip(COLUMNS, ("INT64", "FP64", "BYTES"), strict=True)
    ]
    inferred = shop.http.post("/v2/models/credit/infer", json={"inputs": tensors}).json()["outputs"][0]["data"]
    assert first == pytest.approx(inferred, abs=1e-12)

    second = shop.register("credit", 0.01)
    until(lambda: any("credit@2 is scored in the shadow" in one for one in shop.decisions("credit")), "it is on trial")
    until(lambda: _takes_over(shop), "the second version took over")
    assert second == pytest.approx(scores(shop.predict("credit")), abs=1e-12)

    shop.homeostat("rollback", "credit", "--why", "the first was fine")
    until(lambda: shop.serves("credit", 1), "the first version answers again")
    assert first == pytest.approx(scores(shop.predict("credit")), abs=1e-12)

    shop.register("broken", "0.0.1")
    until(lambda: any("numpy==0.0.1" in one for one in shop.decisions("credit")), "the requirement is named")
    assert shop.serves("credit", 1)


def _takes_over(shop: Shop) -> bool:
    """Ask and label once more: a shadow that is not in time for an answer is no evidence."""
    predictions = shop.predict("credit")
    shop.label("credit", predictions)
    return {2} == {one["version"] for one in predictions}
