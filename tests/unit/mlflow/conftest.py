"""The door over fresh rooms, asked without a network."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from homeostat.core.clock import FixedClock, Micros
from homeostat.mlflow.call import Rooms
from homeostat.mlflow.routes import mlflow_routes
from homeostat.registry.service import Registry
from homeostat.store.db import Database
from homeostat.store.db.schema.store import metadata
from homeostat.store.objects import FileObjects

NOON = Micros(1_366_027_200_000_000)
API = "/api/2.0/mlflow/"


class Door:
    """What a client sends and gets. `ok` insists on success, `refused` gives status and error."""

    def __init__(self, app: Starlette, rooms: Rooms) -> None:
        self.rooms = rooms
        self._transport = httpx.ASGITransport(app)

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **arguments)

        return asyncio.run(send())

    def call(self, method: str, name: str, said: dict[str, Any] | None = None) -> httpx.Response:
        arguments = {"params": said} if method == "GET" else {"json": said or {}}
        return self.ask(method, API + name, **arguments)

    def ok(self, method: str, name: str, said: dict[str, Any] | None = None) -> Any:
        answer = self.call(method, name, said)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, name: str, said: dict[str, Any] | None = None) -> tuple[int, str, str]:
        answer = self.call(method, name, said)
        return answer.status_code, answer.json()["error_code"], answer.json()["message"]

    def run(self, **said: Any) -> str:
        return str(self.ok("POST", "runs/create", {"experiment_id": "0", **said})["run"]["info"]["run_id"])

    def put(self, path: str, content: bytes) -> httpx.Response:
        return self.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=content)

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{path}")


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    database = Database(f"sqlite:///{tmp_path / 'door.db'}")
    metadata.create_all(database.engine)
    clock = FixedClock(NOON)
    yield Rooms(
        database=database,
        objects=FileObjects(tmp_path / "objects"),
        clock=clock,
        registry=Registry(database, clock),
    )
    database.close()


@pytest.fixture
def door(rooms: Rooms) -> Door:
    return Door(Starlette(routes=mlflow_routes(rooms)), rooms)
