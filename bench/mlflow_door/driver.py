"""Runs in the environment of MLflow: its client does the same work with each server, in turns, and says what it took.

Reads one JSON object (servers: name -> address; counts: work -> repetitions; search; rounds) from the command line; writes a
line of JSON after each piece of work, and waits for a line on stdin after each round.
"""

import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

from mlflow import MlflowClient
from mlflow.entities import Metric

BATCH = 1000


class Work:
    """One server's share: each method does one piece, for the given time of a repetition."""

    def __init__(self, address: str, search: dict[str, Any]) -> None:
        self._client = MlflowClient(address)
        self._host = address.removeprefix("http://")
        self._search = search
        self._run = self._client.create_run("0").info.run_id
        self._step = 0

    def log_metric(self) -> None:
        self._step += 1
        self._client.log_metric(self._run, "loss", 0.5 + self._step, step=self._step)

    def log_batch(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        first = self._step
        self._step += BATCH
        points = [Metric("batched", (first + step) ** 0.5, now_ms + step, first + step) for step in range(BATCH)]
        self._client.log_batch(self._run, points)

    def empty_run(self) -> None:
        self._client.set_terminated(self._client.create_run("0").info.run_id)

    def search(self) -> None:
        found = self._client.search_runs(
            [self._search["experiment"]], self._search["filter"], order_by=self._search["order_by"], max_results=100
        )
        assert len(found) == 100, len(found)

    def search_raw(self) -> None:
        """The same search by a plain socket: nearly all of it is the server's time."""
        body = json.dumps(
            {
                "experiment_ids": [self._search["experiment"]],
                "filter": self._search["filter"],
                "order_by": self._search["order_by"],
                "max_results": 100,
            }
        )
        connection = http.client.HTTPConnection(self._host)
        connection.request("POST", "/api/2.0/mlflow/runs/search", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        connection.close()


def main() -> None:
    asked = json.loads(sys.argv[1])
    works = {name: Work(address, asked["search"]) for name, address in asked["servers"].items()}
    for _ in range(asked["rounds"]):
        for what, count in asked["counts"].items():
            for name, work in works.items():
                piece: Callable[[], None] = getattr(work, what)
                piece()  # the first one of a round warms what went cold
                taken = []
                cpu = time.process_time()
                for _ in range(count):
                    began = time.perf_counter()
                    piece()
                    taken.append(time.perf_counter() - began)
                cpu = (time.process_time() - cpu) / count
                said = {"work": what, "server": name, "mean": statistics.fmean(taken)}
                print(json.dumps(said | {"median": statistics.median(taken), "cpu": cpu}), flush=True)
        print(json.dumps({"round": "over"}), flush=True)
        sys.stdin.readline()


main()
