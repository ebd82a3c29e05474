"""Desired deployments and what gateways report."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from homeostat.core.clock import HOUR, FixedClock, Micros
from homeostat.core.digests import digest_bytes
from homeostat.core.errors import InvalidDeclaration
from homeostat.serve.records import Arm, Deployment, GatewayState, Traffic
from homeostat.serve.service import Deployments
from homeostat.store import ledger, lineage
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata

SYSTEM = "late-flights"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def deployments(database: Database) -> Deployments:
    return Deployments(database, FixedClock(Micros(7)))


def champion(version: int = 1, weight: float = 1.0) -> Arm:
    return Arm(role="champion", version=version, model=digest_bytes(b"m%d" % version), weight=weight)


def challenger(version: int = 2, weight: float = 0.0) -> Arm:
    return Arm(role="challenger", version=version, model=digest_bytes(b"m%d" % version), weight=weight)


def deploy(database: Database, deployments: Deployments, *arms: Arm, mirrored: bool = False) -> Deployment:
    with database.write() as connection:
        return deployments.deploy(connection, SYSTEM, arms, mirrored=mirrored)


def state(generation: int, *, system: str = SYSTEM, heartbeat_wall: float | None = None) -> GatewayState:
    return GatewayState(
        gateway="g1",
        system=system,
        generation=generation,
        status="ready",
        message="",
        host="127.0.0.1",
        port=8500,
        pid=1,
        heartbeat_wall=time.time() if heartbeat_wall is None else heartbeat_wall,
    )


def test_generations_count_up_and_the_newest_is_desired(database: Database, deployments: Deployments) -> None:
    """Each deployment of a system has the next generation, and the last one is what gateways should serve."""
    deploy(database, deployments, champion(1))
    second = deploy(database, deployments, champion(1, 0.9), challenger(2, 0.1), mirrored=True)

    assert (2, second) == (second.generation, deployments.desired(SYSTEM))
    assert [second] == deployments.every_desired()
    assert [2, 1] == [each.generation for each in deployments.history(SYSTEM)]


def test_a_deployment_is_traced_and_told(database: Database, deployments: Deployments) -> None:
    """A deployment leads back to its model versions, and the ledger knows of it."""
    deploy(database, deployments, champion(3, 0.5), challenger(4, 0.5))

    with database.read() as connection:
        edges = lineage.upstream(connection, f"deployment:{SYSTEM}@1")
        told = [entry.kind for entry in ledger.entries(connection)]
    assert {(f"model-version:{SYSTEM}@3", "champion"), (f"model-version:{SYSTEM}@4", "challenger")} == {
        (edge.parent, edge.role) for edge in edges
    }
    assert ["deployed"] == told


def test_a_rolled_back_transaction_deploys_nothing(database: Database, deployments: Deployments) -> None:
    """A deployment stands or falls with the controller's transaction."""
    with suppress(RuntimeError), database.write() as connection:
        deployments.deploy(connection, SYSTEM, [champion()])
        raise RuntimeError

    assert deployments.desired(SYSTEM) is None


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [challenger(2, 1.0)],
        [champion(1), champion(2)],
        [champion(1, 0.5), challenger(1, 0.5)],
        [champion(1, 0.5), challenger(2, 0.4)],
        [champion(1, 1.5), challenger(2, -0.5)],
    ],
)
def test_contradicting_arms_are_refused(database: Database, deployments: Deployments, arms: list[Arm]) -> None:
    """A deployment has one champion, at most one challenger of another version, and weights that sum to 1."""
    with pytest.raises(InvalidDeclaration):
        deploy(database, deployments, *arms)


def test_nothing_is_mirrored_without_a_challenger(database: Database, deployments: Deployments) -> None:
    """Mirroring pairs two versions, so it needs a challenger."""
    with pytest.raises(InvalidDeclaration):
        deploy(database, deployments, champion(), mirrored=True)


def test_is_serving_waits_for_every_live_gateway(deployments: Deployments) -> None:
    """A generation is served when every gateway that lives serves it, and not when none does."""
    assert not deployments.is_serving(SYSTEM, 1)

    deployments.report([state(1)], {})
    other = msgspec.structs.replace(state(2), gateway="g2")
    deployments.report([other], {})

    assert deployments.is_serving(SYSTEM, 1)
    assert not deployments.is_serving(SYSTEM, 2)


def test_a_silent_gateway_is_taken_for_gone(deployments: Deployments) -> None:
    """A gateway that stopped reporting does not hold up a rollout."""
    deployments.report([state(1, heartbeat_wall=time.time() - 60)], {})

    assert [] == deployments.serving(SYSTEM)


def test_a_report_replaces_the_one_before(deployments: Deployments) -> None:
    """A gateway's last word counts, and what it no longer names is forgotten."""
    deployments.report([state(1), state(1, system="gone")], {})
    deployments.report([state(2)], {})

    assert [2] == [each.generation for each in deployments.serving(SYSTEM)]
    assert [] == deployments.serving("gone")


def test_traffic_adds_up_by_hour(deployments: Deployments) -> None:
    """Requests and failures of the hours since an instant are summed over reports."""
    for hour, requests, failures in ((0, 5, 1), (HOUR, 7, 0), (HOUR, 3, 2)):
        deployments.report([state(1)], {(SYSTEM, hour): Traffic(requests=requests, failures=failures)})

    assert Traffic(requests=15, failures=3) == deployments.traffic(SYSTEM, Micros(0))
    assert Traffic(requests=10, failures=2) == deployments.traffic(SYSTEM, Micros(HOUR + 5))
