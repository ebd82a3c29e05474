"""A real gateway process on a real port, with real models."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import psutil
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from homeostat.capture.code import snapshot
from homeostat.codec.models import Model, encode
from homeostat.core.clock import WallClock
from homeostat.core.digests import Digest
from homeostat.core.errors import MissingColumn
from homeostat.serve.client import Client
from homeostat.serve.log import ObservationLog
from homeostat.serve.records import Arm, Deployment, GatewayState
from homeostat.serve.service import Deployments
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.objects import FileObjects

pytestmark = pytest.mark.e2e

SYSTEM = "late-flights"
_FEATURES = """
import polars as pl


def served_features(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        pl.col("hour").cast(pl.Float64),
        pl.col("distance").log1p(),
        (pl.col("carrier") == "UA").cast(pl.Float64).alias("is_united"),
    )
"""
_GATEWAY = """
import sys
from pathlib import Path

from homeostat.core.clock import WallClock
from homeostat.serve.gateway import run_gateway
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects

home = Path(sys.argv[1])
database = Database(f"sqlite:///{home / 'homeostat.db'}")
run_gateway(database, FileObjects(home / "objects"), WallClock(), home, port=int(sys.argv[2]), name="g1")
"""
_CARRIERS = ("UA", "AA", "B6")


class Site:
    """A workspace's directory, its models, and the gateway process on it."""

    def __init__(self, home: Path, models: list[Digest]) -> None:
        self.home = home
        self.models = models
        self.database = Database(f"sqlite:///{home / 'homeostat.db'}")
        metadata.create_all(self.database.engine)
        self.deployments = Deployments(self.database, WallClock())
        self.log = ObservationLog(home / "log")
        self.port = _free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen([sys.executable, "-c", _GATEWAY, str(self.home), str(self.port)])
        return self.process

    def deploy(self, champion: int, challenger: int | None = None, *, weight: float = 0.0) -> Deployment:
        """Deploy model numbers as versions of the same number, mirrored if there are two; wait until served."""
        arms = [Arm(role="champion", version=champion, model=self.models[champion], weight=1 - weight)]
        if challenger is not None:
            arms.append(Arm(role="challenger", version=challenger, model=self.models[challenger], weight=weight))
        with self.database.write() as connection:
            deployment = self.deployments.deploy(connection, SYSTEM, arms, mirrored=challenger is not None)
        until(lambda: self.deployments.is_serving(SYSTEM, deployment.generation))
        return deployment

    def predict(self, rows: list[dict[str, Any]], **more: Any) -> httpx.Response:
        return self.http.post(f"/predict/{SYSTEM}", json={"rows": rows, **more})

    def state(self) -> GatewayState | None:
        return next(iter(self.deployments.serving(SYSTEM)), None)

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def lane(self) -> dict[str, Any]:
        """What the one loaded model says of itself."""
        lane: dict[str, Any]
        [lane] = self.http.get("/health").json()["lanes"]
        return lane

    def close(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(timeout=20)
        self.database.close()


class Load:
    """Clients that send without a pause until told to stop; keeps every answer."""

    def __init__(self, site: Site, clients: int = 6) -> None:
        self._site = site
        self._pool = ThreadPoolExecutor(clients)
        self._is_over = False
        self._running = [self._pool.submit(self._send, number) for number in range(clients)]

    def _send(self, number: int) -> tuple[list[str], list[str]]:
        acknowledged: list[str] = []
        failures: list[str] = []
        with httpx.Client(base_url=self._site.http.base_url, timeout=30) as http:
            while not self._is_over:
                try:
                    answer = http.post(f"/predict/{SYSTEM}", json={"rows": rows(4, seed=number)})
                except httpx.HTTPError as error:
                    failures.append(repr(error))
                    time.sleep(0.01)
                    continue
                if answer.status_code == 200:
                    acknowledged += [each["id"] for each in answer.json()["predictions"]]
                else:
                    failures.append(answer.text)
        return acknowledged, failures

    def stop(self) -> tuple[list[str], list[str]]:
        """Ids that were acknowledged, and what failed."""
        self._is_over = True
        outcomes = [each.result() for each in self._running]
        self._pool.shutdown()
        return [one for ids, _ in outcomes for one in ids], [one for _, failed in outcomes for one in failed]


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [
        {
            "hour": int(random.integers(0, 24)),
            "distance": float(random.uniform(100, 3000)),
            "carrier": _CARRIERS[int(random.integers(0, 3))],
        }
        for _ in range(count)
    ]


def until(holds: Callable[[], bool], timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def logged_ids(site: Site) -> list[str]:
    ids: list[str] = site.log.predictions(SYSTEM)[0]["id"].to_pylist()
    return ids


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Digest], Model]:
    """An object store with three models that differ, and the first of them."""
    folder = tmp_path_factory.mktemp("models")
    project = folder / "project"
    project.mkdir()
    (project / "served_flights.py").write_text(_FEATURES)
    sys.path.insert(0, str(project))
    from served_flights import served_features  # type: ignore[import-not-found]  # noqa: PLC0415 - written above

    objects = FileObjects(folder / "objects")
    code = snapshot(project, objects)
    example = pl.DataFrame(rows(400))
    label = np.array([row["hour"] > 15 for row in rows(400)])
    models = [
        Model(
            HistGradientBoostingClassifier(max_iter=iterations).fit(served_features(example).to_numpy(), label),
            served_features,
            example=example,
        )
        for iterations in (5, 10, 20)
    ]
    sys.path.remove(str(project))
    return folder / "objects", [objects.put(encode(model, code=code)) for model in models], models[0]


@pytest.fixture
def site(tmp_path: Path, stored: tuple[Path, list[Digest], Model]) -> Iterator[Site]:
    """A gateway of one's own, to kill or to starve."""
    yield from opened(tmp_path, stored)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, stored: tuple[Path, list[Digest], Model]) -> Iterator[Site]:
    """A gateway that several tests ask."""
    yield from opened(tmp_path_factory.mktemp("shared"), stored)


def opened(home: Path, stored: tuple[Path, list[Digest], Model]) -> Iterator[Site]:
    (home / "objects").symlink_to(stored[0])
    site = Site(home, stored[1])
    yield site
    site.close()


def test_answers_are_the_models_own_and_are_in_the_log(shared: Site, stored: tuple[Path, list[Digest], Model]) -> None:
    """A served score is bit-equal to the model's own, and its id leads to its row with the raw inputs."""
    shared.deploy(0)
    asked = rows(16)

    answer = shared.predict(asked, at="2013-04-12T06:00:00Z").json()

    assert stored[2].predict(pl.DataFrame(asked)).tolist() == [each["score"] for each in answer["predictions"]]
    found = shared.log.find(answer["predictions"][3]["id"])
    assert (answer["predictions"][3]["score"], asked[3]["carrier"]) == (found["score"], found["in_carrier"])
    assert (0, "champion", 1.0, None) == tuple(found[name] for name in ("version", "role", "propensity", "other_score"))
    assert "2013-04-12T06:00:00+00:00" == found["at"].isoformat()


def test_labels_are_kept(shared: Site) -> None:
    """A label that was acknowledged stands in the label log."""
    shared.deploy(0)
    one = shared.predict(rows(1)).json()["predictions"][0]["id"]

    answer = shared.http.post(f"/labels/{SYSTEM}", json={"labels": [{"id": one, "value": True}]})

    assert {"labels": 1} == answer.json()
    labels, _ = shared.log.labels(SYSTEM)
    assert (one, 1.0) in zip(labels["id"].to_pylist(), labels["value"].to_pylist(), strict=True)


def test_the_client_predicts_and_labels_from_threads(shared: Site) -> None:
    """Threads share a client and get the scores of their own rows; labels arrive; what does not fit raises by its kind."""
    shared.deploy(0)
    client = Client(str(shared.http.base_url))
    asked = [rows(size) for size in (1, 2, 3)]

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda each: client.predict(SYSTEM, each).predictions, asked))
    one = client.predict(SYSTEM, rows(1), entities=["a"], at=5).predictions[0]
    client.label(SYSTEM, {one.id: 1.0})

    assert [1, 2, 3] == [len(answer) for answer in answers]
    assert 1 == len({answer[0].score for answer in answers} | {one.score})
    assert one.id in shared.log.labels(SYSTEM)[0]["id"].to_pylist()
    with pytest.raises(MissingColumn, match="distance"):
        client.predict(SYSTEM, [{"hour": 1}])
    assert (6, 1) == (client.tally.requests, client.tally.failures)
    client.close()


def test_what_does_not_fit_is_refused_by_name(shared: Site) -> None:
    """Each wrong request gets the status of its kind and a message that names what is wrong."""
    shared.deploy(0)
    [row] = rows(1)

    def refused(path: str, content: bytes | None = None, **body: Any) -> tuple[int, str]:
        answer = shared.http.post(path, content=content) if content is not None else shared.http.post(path, json=body)
        return answer.status_code, answer.json()["error"]["message"]

    status, message = refused(f"/predict/{SYSTEM}", rows=[row, {**row, "hour": "noon"}])
    assert (422, True) == (status, all(word in message for word in ("hour", "row 1", "noon")))
    status, message = refused(f"/predict/{SYSTEM}", rows=[{"hour": 1}])
    assert (422, True) == (status, "distance" in message)
    assert 422 == refused(f"/predict/{SYSTEM}", rows=[{**row, "hour": 2**70}])[0]
    assert 422 == refused(f"/predict/{SYSTEM}", rows=[])[0]
    assert 422 == refused(f"/predict/{SYSTEM}", rows=[row], entities=["a", "b"])[0]
    assert 422 == refused(f"/labels/{SYSTEM}", labels=[{"id": "x", "value": 1}])[0]
    assert 400 == refused(f"/predict/{SYSTEM}", content=b"{")[0]
    assert 413 == refused(f"/predict/{SYSTEM}", content=b" " * (8 << 20) + b"{}")[0]
    status, message = refused("/predict/other", rows=[row])
    assert (404, True) == (status, SYSTEM in message)
    assert 403 == shared.http.get("/health", headers={"host": "evil.example"}).status_code


def test_a_model_that_is_missing_says_so_and_answers_503(site: Site) -> None:
    """A deployment that cannot be loaded is reported as failed with its reason, and requests are told to wait."""
    arm = Arm(role="champion", version=9, model=Digest("0" * 64), weight=1.0)
    with site.database.write() as connection:
        site.deployments.deploy(connection, SYSTEM, [arm])
    until(lambda: (state := site.state()) is not None and state.status == "failed")

    answer = site.predict(rows(1))

    assert (503, True) == (answer.status_code, "not in" in answer.json()["error"]["message"])


def test_the_open_inference_protocol_gives_the_same_scores(shared: Site) -> None:
    """Tensors in, tensor out: the same rows have the same scores by either protocol."""
    shared.deploy(0)
    asked = rows(3)
    tensors = [
        {"name": name, "shape": [3], "datatype": "BYTES", "data": [row[name] for row in asked]} for name in asked[0]
    ]

    answer = shared.http.post(f"/v2/models/{SYSTEM}/infer", json={"inputs": tensors}).json()

    plain = shared.predict(asked).json()["predictions"]
    assert [each["score"] for each in plain] == answer["outputs"][0]["data"]
    assert {"ready": True} == shared.http.get("/v2/health/ready").json()
    assert ["hour", "distance", "carrier"] == [
        each["name"] for each in shared.http.get(f"/v2/models/{SYSTEM}").json()["inputs"]
    ]


def test_two_arms_give_paired_evidence(shared: Site) -> None:
    """While a challenger is on trial, each row has the score of both versions, whoever answered."""
    shared.deploy(0, 1, weight=0.5)

    answer = shared.predict(rows(40), entities=[f"flight-{n}" for n in range(40)]).json()

    logged = [shared.log.find(each["id"]) for each in answer["predictions"]]
    assert {("champion", 0, 1), ("challenger", 1, 0)} == {
        (row["role"], row["version"], row["other_version"]) for row in logged
    }
    assert all(row["other_score"] is not None for row in logged)


def test_a_swap_under_load_fails_no_request(site: Site) -> None:
    """Deployments, rollouts and rollbacks under load: every request is answered, and by the new version afterwards."""
    site.deploy(0)
    load = Load(site)

    site.deploy(0, 1, weight=0.3)
    site.deploy(1)
    site.deploy(2)
    last = site.deploy(1)

    acknowledged, failures = load.stop()
    assert [] == failures
    assert sorted(acknowledged) == sorted(logged_ids(site))
    assert (last.generation, 1) == (
        (answer := site.predict(rows(1)).json())["generation"],
        answer["predictions"][0]["version"],
    )


def test_a_killed_worker_under_load_fails_no_request(site: Site) -> None:
    """kill -9 of the worker that serves: every request is answered, and each acknowledged row is in the log exactly once."""
    site.deploy(0)
    load = Load(site)

    for _ in range(2):
        psutil.Process(site.lane()["pid"]).kill()
        # Answered after those that the dead worker had.
        assert 200 == site.predict(rows(1)).status_code

    acknowledged, failures = load.stop()
    assert ([], 2) == (failures, site.lane()["deaths"])
    assert set(acknowledged) <= set(logged_ids(site))
    assert len(logged_ids(site)) == len(acknowledged) + 2


def test_a_killed_gateway_loses_nothing_acknowledged(site: Site) -> None:
    """kill -9 of the gateway: what was answered is in the log, its workers end, and a new gateway goes on beside it."""
    site.deploy(0)
    load = Load(site)
    time.sleep(1.0)
    workers = site.workers()

    site.process.kill()
    site.process.wait()
    acknowledged, _ = load.stop()

    logged = logged_ids(site)
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(logged)
    assert len(logged) == len(set(logged))
    assert [] == psutil.wait_procs(workers, timeout=10)[1]
    site.start()
    until(lambda: (state := site.state()) is not None and state.pid == site.process.pid and state.generation == 1)
    again = site.predict(rows(2)).json()["predictions"]
    assert [each["id"] for each in again] == logged_ids(site)[-2:]


def test_sigterm_finishes_what_is_under_way(site: Site) -> None:
    """A gateway that is asked to stop under load answers what it took, leaves with 0, says goodbye and tells its traffic."""
    site.deploy(0)
    load = Load(site)
    time.sleep(0.5)

    site.process.terminate()

    assert 0 == site.process.wait(timeout=20)
    acknowledged, failures = load.stop()
    assert set(acknowledged) <= set(logged_ids(site))
    assert [] == [failure for failure in failures if "error" in failure and "Error(" not in failure]
    assert [] == site.deployments.serving(SYSTEM)
    traffic = site.deployments.traffic(SYSTEM, since=site.deployments.history(SYSTEM)[0].at)
    assert (0, len(logged_ids(site))) == (traffic.failures, 4 * traffic.requests)


def test_a_taken_port_is_named_before_anything_starts(shared: Site) -> None:
    """A second gateway on the same port ends with a message that names the port."""
    shared.deploy(0)

    second = subprocess.run(
        [sys.executable, "-c", _GATEWAY, str(shared.home), str(shared.port)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert f"Port {shared.port} of 127.0.0.1 is taken" in second.stderr
