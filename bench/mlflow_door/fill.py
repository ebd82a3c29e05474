"""The runs that are searched: the same in MLflow's database and in ours, written past both servers."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert

from homeostat.core.clock import Micros
from homeostat.store.db.schema.track import run_params, run_series, run_tags, runs
from homeostat.track import experiments
from homeostat.workspace import Workspace

METRICS, PARAMS, TAGS = ("loss", "auc", "rmse"), ("model", "lr", "depth"), ("team", "data")
_BEGAN_MS = 1_700_000_000_000
_MAKE_THEIRS = (
    "import sys; from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore; "
    "print(SqlAlchemyStore(sys.argv[1], sys.argv[2]).create_experiment('searched'))"
)


class Filled(NamedTuple):
    """One run as both hold it."""

    number: int
    started_ms: int
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]


def filled(count: int) -> Iterator[Filled]:
    for number in range(count):
        yield Filled(
            number,
            _BEGAN_MS + number,
            {key: (number * 7919 + index * 31) % count / count for index, key in enumerate(METRICS)},
            {"model": f"m{number % 10}", "lr": str(10.0 ** -(number % 5)), "depth": str(number % 8)},
            {"team": f"t{number % 3}", "data": f"d{number % 50}"},
        )


def fill_theirs(python: Path, database: Path, count: int) -> str:
    """Runs in a database that MLflow makes. Returns: the id of their experiment."""
    asked: list[str | Path] = [python, "-c", _MAKE_THEIRS, f"sqlite:///{database}", str(database.parent / "artifacts")]
    said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    made = str(said.split()[-1])
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("runs", "latest_metrics", "metrics", "params", "tags")
    }
    for one in filled(count):
        run = f"{one.number:032x}"
        rows["runs"].append(
            {"run_uuid": run, "name": f"n{one.number}", "source_type": "UNKNOWN", "source_name": "", "entry_point_name": "",
             "user_id": "somebody", "status": "FINISHED", "start_time": one.started_ms, "end_time": one.started_ms + 1,
             "source_version": "", "lifecycle_stage": "active", "artifact_uri": f"artifacts/{run}", "experiment_id": made}
        )  # fmt: skip
        for key, value in one.metrics.items():
            point = {"key": key, "value": value, "timestamp": one.started_ms, "step": 0, "is_nan": 0, "run_uuid": run}
            rows["metrics"].append(point)
            rows["latest_metrics"].append(point)
        rows["params"] += [{"key": key, "value": value, "run_uuid": run} for key, value in one.params.items()]
        named = {"mlflow.runName": f"n{one.number}"} | one.tags
        rows["tags"] += [{"key": key, "value": value, "run_uuid": run} for key, value in named.items()]
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, found in rows.items():
            names = list(found[0])
            places = ", ".join(f":{name}" for name in names)
            connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", found)  # noqa: S608
        # What their own server's database would know after some use.
        connection.execute("ANALYZE")
    return made


def fill_ours(folder: Path, count: int) -> str:
    """Runs in a workspace of ours. Returns: the id of their experiment."""
    empty = dict.fromkeys(("system", "parent", "source", "code", "environment", "error", "note"), "")
    with Workspace.undeclared(folder) as workspace, workspace.database.write() as connection:
        made = experiments.create(connection, "searched", Micros(_BEGAN_MS * 1000))
        found = list(filled(count))
        connection.execute(
            insert(runs),
            [
                {"id": f"run-{one.number:020}", "experiment_id": made, "name": f"n{one.number}", "kind": "run", "user": "somebody",
                 "status": "finished", "started_at": one.started_ms * 1000, "finished_at": one.started_ms * 1000 + 1000,
                 "dropped": 0, **empty}
                for one in found
            ],
        )  # fmt: skip
        connection.execute(
            insert(run_series),
            [
                {"run_id": f"run-{one.number:020}", "key": key, "points": 1, "step": 0, "logged_at": one.started_ms * 1000,
                 "value": value}
                for one in found for key, value in one.metrics.items()
            ],
        )  # fmt: skip
        for table, field, is_text in ((run_params, "params", {"is_text": True}), (run_tags, "tags", {})):
            connection.execute(
                insert(table),
                [
                    {"run_id": f"run-{one.number:020}", "key": key, "value": value, **is_text}
                    for one in found
                    for key, value in getattr(one, field).items()
                ],
            )
    return str(made)
