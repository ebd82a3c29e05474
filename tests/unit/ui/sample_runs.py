"""A workspace of runs to compare: their params, curves, code, packages and data."""

import math
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from homeostat.capture.code import snapshot
from homeostat.capture.environment import Environment, Package
from homeostat.core.clock import HOUR, SECOND, Micros
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.ids import RunId
from homeostat.store.db.schema.track import input_datasets, run_inputs, run_params, run_tags, runs
from homeostat.track import points
from homeostat.track.blocks import Points
from homeostat.workspace import Workspace

OPTIMIZERS = ("adam", "lion", "sgd")


def rate(number: int) -> float:
    return 10.0 ** (-1 - number % 4)


def loss(number: int) -> float:
    """What a run ends at: its rate decides, its optimizer a little."""
    return 0.2 + 0.1 * abs(math.log10(rate(number)) + 2) + 0.01 * (number % 3)


def fill(workspace: Workspace, count: int, length: int, start: Micros) -> tuple[str, ...]:
    """`count` runs of `length` points: `train/loss` with a spike in run 1 and a gap in run 2, `val/loss`, `accuracy`."""
    trees = [_code(workspace, text) for text in ("rate = 0.1\n", "rate = 0.2\nmomentum = 0.9\n")]
    environments = [
        workspace.objects.put(
            canonical_json(
                Environment(
                    python="3.11.7",
                    implementation="cpython",
                    platform="linux",
                    machine="x86_64",
                    packages=(Package("numpy", version, Digest("0" * 64)),),
                )
            )
        )
        for version in ("2.1.0", "2.2.0")
    ]
    ids = tuple(f"run-{number:03}" for number in range(count))
    for number, id_ in enumerate(ids):
        _run(workspace, number, id_, Micros(start + number * HOUR), trees[number % 2], environments[number % 2])
        _curves(workspace, number, RunId(id_), length, start + number * HOUR)
    return ids


def _code(workspace: Workspace, text: str) -> Digest:
    root = Path(workspace.root) / "code"
    root.mkdir(exist_ok=True)
    (root / "train.py").write_text(text, encoding="utf-8")
    return snapshot(root, workspace.objects)


def _run(workspace: Workspace, number: int, id_: str, at: Micros, code: Digest, environment: Digest) -> None:
    name = OPTIMIZERS[number % 3]
    with workspace.database.write() as connection:
        connection.execute(
            insert(runs).values(
                id=id_,
                experiment_id=0,
                name=f"{name}-{number}",
                kind="run",
                status="finished",
                started_at=at,
                finished_at=at + HOUR,
                code=code,
                environment=environment,
                dropped=0,
                **dict.fromkeys(("system", "parent", "user", "source", "error", "note"), ""),
            )
        )
        for key, value in {"lr": repr(rate(number)), "batch": "64", "optimizer": name}.items():
            connection.execute(insert(run_params).values(run_id=id_, key=key, value=value, is_text=key == "optimizer"))
        connection.execute(insert(run_tags).values(run_id=id_, key="team", value="<b>vision</b>"))
        described = {"source_type": "", "source": "", "schema": "", "profile": ""}
        made = connection.execute(
            insert(input_datasets).values(experiment_id=0, name="digits", digest=f"{number % 2}" * 64, **described)
            if number < 2
            else input_datasets.select().where(input_datasets.c.digest == f"{number % 2}" * 64)
        )
        dataset = made.inserted_primary_key[0] if number < 2 and made.inserted_primary_key else made.scalar_one()
        connection.execute(
            insert(run_inputs).values(run_id=id_, kind="dataset", key=str(dataset), tags="{}", context="training")
        )


def _curves(workspace: Workspace, number: int, id_: RunId, length: int, start: int) -> None:
    steps = np.arange(length)
    at = start + steps * SECOND
    train = loss(number) + np.exp(-steps / (length / 8))
    if number == 1:
        train[length // 3] = 9.0
    if number == 2:
        train[length // 2 : length // 2 + length // 8] = math.nan
    sparse = slice(0, length, max(length // 20, 1))
    last = np.array([loss(number)])
    with workspace.database.write() as connection:
        points.add(connection, id_, "train/loss", Points.of(steps, at, train))
        points.add(connection, id_, "val/loss", Points.of(steps[sparse], at[sparse], train[sparse] + 0.1))
        points.add(connection, id_, "val/loss", Points.of([length], [start + length * SECOND], last))
        points.add(connection, id_, "accuracy", Points.of([length], [start + length * SECOND], 1 - last))
