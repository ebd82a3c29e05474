"""Desired deployments, and what the gateways say they serve.

The controller writes, gateways pull: "serve 5 %" is a row, so it happens exactly once however often it is read.
"""

import time
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from homeostat.core.clock import HOUR, Clock, Micros
from homeostat.core.ids import check_name
from homeostat.serve.facts import Deployed
from homeostat.serve.records import Arm, Deployment, GatewayState, Traffic
from homeostat.serve.rules import check_arms
from homeostat.store import ledger, lineage
from homeostat.store.db import Database
from homeostat.store.db.schema.serve import deployments, gateways, traffic

GATEWAY_SILENT_S = 10.0
"""A gateway that has not said anything for so long is taken for gone."""


class Deployments:
    """The deployments of every system. Safe for threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def deploy(
        self,
        connection: Connection,
        system: str,
        arms: Sequence[Arm],
        *,
        mirrored: bool = False,
        entity: str = "",
        by: str = "controller",
    ) -> Deployment:
        """Make `arms` the desired deployment of `system`, in the caller's transaction.

        Returns: the deployment, with the next generation number.
        Raises: InvalidDeclaration if the arms contradict each other.
        """
        check_name("system", system)
        check_arms(system, tuple(arms), mirrored=mirrored)
        newest = connection.execute(
            select(func.max(deployments.c.generation)).where(deployments.c.system == system)
        ).scalar()
        deployment = Deployment(
            system=system,
            generation=(newest or 0) + 1,
            arms=tuple(arms),
            mirrored=mirrored,
            entity=entity,
            at=self._clock.now(),
            by=by,
        )
        connection.execute(
            insert(deployments).values(
                system=system,
                generation=deployment.generation,
                body=msgspec.json.encode(deployment).decode(),
                deployed_at=deployment.at,
            )
        )
        child = lineage.node("deployment", f"{system}@{deployment.generation}")
        lineage.record(
            connection,
            deployment.at,
            [lineage.Edge(child, lineage.node("model-version", f"{system}@{arm.version}"), arm.role) for arm in arms],
        )
        ledger.append(
            connection,
            deployment.at,
            Deployed(
                system=system,
                actor=by,
                generation=deployment.generation,
                arms=deployment.arms,
                mirrored=mirrored,
            ),
        )
        return deployment

    def desired(self, system: str) -> Deployment | None:
        """The newest deployment of `system`."""
        with self._database.read() as connection:
            return _newest(connection, system)

    def every_desired(self) -> list[Deployment]:
        """The newest deployment of every system, by name."""
        newest = (
            select(deployments.c.system, func.max(deployments.c.generation).label("generation"))
            .group_by(deployments.c.system)
            .subquery()
        )
        query = (
            select(deployments.c.body)
            .join(
                newest,
                (deployments.c.system == newest.c.system) & (deployments.c.generation == newest.c.generation),
            )
            .order_by(deployments.c.system)
        )
        with self._database.read() as connection:
            return [_decoded(body) for body in connection.execute(query).scalars()]

    def history(self, system: str) -> list[Deployment]:
        """Every deployment of `system`, newest first."""
        query = (
            select(deployments.c.body).where(deployments.c.system == system).order_by(deployments.c.generation.desc())
        )
        with self._database.read() as connection:
            return [_decoded(body) for body in connection.execute(query).scalars()]

    def serving(self, system: str) -> list[GatewayState]:
        """What each live gateway serves for `system`; `""` asks for the gateway processes themselves."""
        query = (
            select(gateways)
            .where(gateways.c.system == system, gateways.c.heartbeat_wall > time.time() - GATEWAY_SILENT_S)
            .order_by(gateways.c.gateway)
        )
        with self._database.read() as connection:
            return [msgspec.convert(row, GatewayState) for row in connection.execute(query).mappings()]

    def is_serving(self, system: str, generation: int) -> bool:
        """Whether at least one gateway lives and every one that does serves `generation` or a later one."""
        states = self.serving(system)
        return bool(states) and all(state.generation >= generation for state in states)

    def traffic(self, system: str, since: Micros) -> Traffic:
        """Requests and failures of `system` in the hours of event time from the one that holds `since`."""
        query = select(
            func.coalesce(func.sum(traffic.c.requests), 0), func.coalesce(func.sum(traffic.c.failures), 0)
        ).where(traffic.c.system == system, traffic.c.hour_at >= since - since % HOUR)
        with self._database.read() as connection:
            requests, failures = connection.execute(query).one()
        return Traffic(requests=int(requests), failures=int(failures))

    def report(self, states: Sequence[GatewayState], counted: Mapping[tuple[str, int], Traffic]) -> None:
        """What a gateway has to say: its states, and what it answered since the last report.

        Args:
            states: of one gateway; a system it no longer names is forgotten.
            counted: requests by (system, hour of event time).
        """
        if not states:
            return
        gateway = states[0].gateway
        with self._database.write() as connection:
            connection.execute(
                delete(gateways).where(
                    gateways.c.gateway == gateway, gateways.c.system.not_in([state.system for state in states])
                )
            )
            for state in states:
                _upsert_state(connection, state)
            for (system, hour_at), seen in counted.items():
                _add_traffic(connection, system, gateway, hour_at, seen)

    def forget(self, gateway: str) -> None:
        """A gateway that stops says goodbye."""
        with self._database.write() as connection:
            connection.execute(delete(gateways).where(gateways.c.gateway == gateway))


def _newest(connection: Connection, system: str) -> Deployment | None:
    query = (
        select(deployments.c.body)
        .where(deployments.c.system == system)
        .order_by(deployments.c.generation.desc())
        .limit(1)
    )
    body = connection.execute(query).scalar()
    return None if body is None else _decoded(body)


def _decoded(body: str) -> Deployment:
    return msgspec.json.decode(body, type=Deployment)


def _upsert_state(connection: Connection, state: GatewayState) -> None:
    row = msgspec.structs.asdict(state)
    same = (gateways.c.gateway == state.gateway) & (gateways.c.system == state.system)
    if not connection.execute(update(gateways).where(same).values(**row)).rowcount:
        connection.execute(insert(gateways).values(**row))


def _add_traffic(connection: Connection, system: str, gateway: str, hour_at: int, seen: Traffic) -> None:
    same = (traffic.c.system == system) & (traffic.c.gateway == gateway) & (traffic.c.hour_at == hour_at)
    added = (
        update(traffic)
        .where(same)
        .values(requests=traffic.c.requests + seen.requests, failures=traffic.c.failures + seen.failures)
    )
    if not connection.execute(added).rowcount:
        connection.execute(
            insert(traffic).values(
                system=system, gateway=gateway, hour_at=hour_at, requests=seen.requests, failures=seen.failures
            )
        )
