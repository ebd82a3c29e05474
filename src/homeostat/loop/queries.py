"""Reading and writing the loop's own rows."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.errors import NotFound
from homeostat.loop.declaration import Declaration
from homeostat.loop.records import Asked, Command, DecisionRow, LoopRow, Progress
from homeostat.store.db.schema.loop import commands, decisions, loops, systems


def declarations(connection: Connection) -> list[Declaration]:
    """Every declared system, by name."""
    rows = connection.execute(select(systems.c.declaration).order_by(systems.c.name)).scalars()
    return [msgspec.json.decode(row, type=Declaration) for row in rows]


def declaration(connection: Connection, system: str) -> Declaration:
    """The declaration of one system.

    Raises: NotFound listing the systems there are.
    """
    known = declarations(connection)
    for found in known:
        if found.name == system:
            return found
    names = ", ".join(other.name for other in known) or "none"
    raise NotFound(
        f"There is no system {system!r}. Declared: {names}. A controller declares those that "
        f"homeostat.toml names under [project] systems: homeostat up"
    )


def declare(connection: Connection, found: Declaration, at: Micros) -> bool:
    """Store a declaration; False if it is stored already. A new system wakes at once."""
    body = msgspec.json.encode(found).decode()
    row = {"declaration": body, "digest": found.digest, "declared_at": at}
    known = connection.execute(select(systems.c.digest).where(systems.c.name == found.name)).scalar()
    if known == found.digest:
        return False
    if known is not None:
        connection.execute(update(systems).where(systems.c.name == found.name).values(**row))
        return True
    connection.execute(insert(systems).values(name=found.name, **row))
    connection.execute(
        insert(loops).values(
            system=found.name, phase="idle", body=msgspec.json.encode(Progress()).decode(), wake_at=at, fence=0
        )
    )
    return True


def row(connection: Connection, system: str) -> LoopRow | None:
    """Where a system stands, or None before it was declared."""
    found = connection.execute(select(loops).where(loops.c.system == system)).mappings().first()
    if found is None:
        return None
    return LoopRow(
        system=found["system"],
        phase=found["phase"],
        progress=msgspec.json.decode(found["body"], type=Progress),
        wake_at=found["wake_at"],
        fence=found["fence"],
        owner=found["owner"],
    )


def write_decision(
    connection: Connection,
    *,
    system: str,
    at: Micros,
    verdict: str,
    phase: str,
    sentence: str,
    evidence: Any,
    fence: int,
) -> None:
    connection.execute(
        insert(decisions).values(
            system=system,
            at=at,
            verdict=verdict,
            phase=phase,
            sentence=sentence,
            evidence=msgspec.json.encode(evidence).decode(),
            fence=fence,
        )
    )


def read_decisions(
    connection: Connection,
    *,
    system: str | None = None,
    verdicts: Sequence[str] = (),
    without: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[DecisionRow]:
    """Decisions, newest first; `before` is the id to go on from."""
    query = select(decisions).order_by(decisions.c.id.desc()).limit(limit)
    if system is not None:
        query = query.where(decisions.c.system == system)
    if verdicts:
        query = query.where(decisions.c.verdict.in_(verdicts))
    if without:
        query = query.where(decisions.c.verdict.not_in(without))
    if before is not None:
        query = query.where(decisions.c.id < before)
    return [
        DecisionRow(**{**found, "evidence": msgspec.json.decode(found["evidence"])})
        for found in connection.execute(query).mappings()
    ]


def trainings_since(connection: Connection, system: str, since: Micros) -> int:
    """How many trainings were decided from `since` on."""
    query = select(func.count()).where(
        decisions.c.system == system, decisions.c.verdict == "retrain", decisions.c.at >= since
    )
    return int(connection.execute(query).scalar_one())


def ask(connection: Connection, system: str, command: Command, *, at: Micros, by: str) -> int:
    """Put a command where the loop finds it, and wake the loop.

    Returns: the command's id.
    Raises: NotFound if there is no such system.
    """
    declaration(connection, system)
    asked = connection.execute(
        insert(commands).values(
            system=system,
            kind=type(command).__struct_config__.tag,
            body=msgspec.json.encode(command).decode(),
            asked_at=at,
            asked_by=by,
        )
    )
    wake(connection, system, at)
    key = asked.inserted_primary_key
    assert key is not None
    return int(key[0])


def wake(connection: Connection, system: str, at: Micros) -> None:
    """Let the loop look at `at`, unless it will before."""
    connection.execute(update(loops).where(loops.c.system == system, loops.c.wake_at > at).values(wake_at=at))


def asked(connection: Connection, system: str) -> Asked | None:
    """The oldest command that waits."""
    query = (
        select(commands)
        .where(commands.c.system == system, commands.c.handled_at.is_(None))
        .order_by(commands.c.id)
        .limit(1)
    )
    return _asked(connection.execute(query).mappings().first())


def handled(connection: Connection, id_: int, at: Micros) -> None:
    connection.execute(update(commands).where(commands.c.id == id_).values(handled_at=at))


def _asked(found: Any) -> Asked | None:
    if found is None:
        return None
    return Asked(id=found["id"], by=found["asked_by"], command=msgspec.json.decode(found["body"], type=Command))
