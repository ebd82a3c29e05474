"""Leases: one decides, a zombie commits nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, select

import homeostat
from homeostat.core.clock import Micros
from homeostat.core.errors import Fenced
from homeostat.loop.lease import Claim, next_wake
from homeostat.store.db import Database
from homeostat.store.db.schema.loop import decisions, loops

NOW = Micros(1_000)
SOURCES = Path(homeostat.__file__).parents[1]
EXPIRED_S = -1.0


def put(database: Database, *systems: tuple[str, int]) -> None:
    """Systems with the instants at which they want to be looked at."""
    with database.write() as connection:
        for system, wake_at in systems:
            connection.execute(insert(loops).values(system=system, phase="idle", body="{}", wake_at=wake_at, fence=0))


def take(database: Database, owner: str = "one", *, lease_s: float = 5.0) -> Claim:
    claim = Claim.take(database, owner, ["a", "b", "c"], NOW, lease_s=lease_s)
    assert claim is not None
    return claim


def note(database: Database, claim: Claim) -> None:
    """Write a decision and commit the claim, as a look does."""
    with database.write() as connection:
        connection.execute(
            insert(decisions).values(
                system=claim.system, at=NOW, verdict="none", phase="idle", sentence="", evidence="{}", fence=claim.fence
            )
        )
        claim.commit(connection, phase="training", body="{}", wake_at=Micros(2_000))


def written(database: Database) -> list[int]:
    """Fences of the decisions that stand."""
    with database.read() as connection:
        return list(connection.execute(select(decisions.c.fence)).scalars())


def test_longest_waiting_first(database: Database) -> None:
    """Of the systems that are due, the one that waited longest is claimed."""
    put(database, ("a", 900), ("b", 100), ("c", 500))

    assert ["b", "c", "a"] == [take(database).system for _ in range(3)]


def test_what_is_not_due_rests(database: Database) -> None:
    """A system is claimed at its instant and not before; one that is not looked after, never."""
    put(database, ("a", NOW + 1), ("other", 0))

    assert Claim.take(database, "one", ["a"], NOW) is None
    claim = Claim.take(database, "one", ["a"], Micros(NOW + 1))
    assert claim is not None
    assert "a" == claim.system


def test_claimed_system_is_nobody_elses(database: Database) -> None:
    """While a lease runs, nobody else gets the system."""
    put(database, ("a", 0))
    take(database)

    assert Claim.take(database, "two", ["a"], NOW) is None


def test_claim_raises_the_fence(database: Database) -> None:
    """Every claim has a fence of its own, higher than all before."""
    put(database, ("a", 0))

    fences = [take(database, lease_s=EXPIRED_S).fence for _ in range(3)]

    assert [1, 2, 3] == fences


def test_commit_writes_and_gives_back(database: Database) -> None:
    """A commit leaves phase and wake, and the system free."""
    put(database, ("a", 0))

    note(database, take(database))

    with database.read() as connection:
        row = connection.execute(select(loops)).one()
        assert Micros(2_000) == next_wake(connection)
    assert ("training", 2_000, None, None, 1) == (row.phase, row.wake_at, row.owner, row.lease_until_wall, row.fence)


def test_zombie_commits_nothing(database: Database) -> None:
    """Who was overtaken is refused by name, and nothing of its transaction stands; the other one's does."""
    put(database, ("a", 0))
    zombie = take(database, "zombie", lease_s=EXPIRED_S)
    successor = take(database, "successor")

    with pytest.raises(Fenced, match="zombie lost its lease on a"):
        note(database, zombie)

    assert [] == written(database)
    note(database, successor)
    assert [2] == written(database)


def test_same_owner_is_fenced_too(database: Database) -> None:
    """A process that claimed a system again cannot commit what it decided under its earlier claim."""
    put(database, ("a", 0))
    earlier = take(database, lease_s=EXPIRED_S)
    take(database)

    with pytest.raises(Fenced):
        note(database, earlier)


def test_commit_counts_once(database: Database) -> None:
    """A claim that was committed is used up."""
    put(database, ("a", 0))
    claim = take(database)
    note(database, claim)

    with pytest.raises(Fenced):
        note(database, claim)


def test_expired_lease_commits_while_nobody_took_over(database: Database) -> None:
    """A long pause alone is no harm: what counts is whether somebody else decided meanwhile."""
    put(database, ("a", 0))

    note(database, take(database, lease_s=EXPIRED_S))

    assert [1] == written(database)


def test_renewed_lease_is_kept(database: Database) -> None:
    """A renewal in time keeps the others away."""
    put(database, ("a", 0))
    claim = take(database, lease_s=EXPIRED_S)

    assert claim.renew(database)

    assert Claim.take(database, "two", ["a"], NOW) is None


def test_lost_lease_is_not_renewed(database: Database) -> None:
    """Who was overtaken learns it at the next renewal, and does not shorten the other's lease."""
    put(database, ("a", 0))
    claim = take(database, lease_s=EXPIRED_S)
    take(database, "two")

    assert not claim.renew(database, lease_s=EXPIRED_S)

    assert Claim.take(database, "three", ["a"], NOW) is None


def test_no_system_wants_a_look(database: Database) -> None:
    """Without systems there is nothing to wake for."""
    with database.read() as connection:
        assert next_wake(connection) is None


CONTENDER = """
import random, sys, time
from sqlalchemy import insert
from homeostat.core.errors import Fenced
from homeostat.loop.lease import Claim
from homeostat.store.db import Database
from homeostat.store.db.schema.loop import decisions

database, owner = Database(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
taken = committed = fenced = 0
while taken < 60:
    claim = Claim.take(database, owner, ["a"], 1_000, lease_s=0.004)
    if claim is None:
        continue
    taken += 1
    time.sleep(random.random() * 0.008)
    try:
        with database.write() as connection:
            connection.execute(insert(decisions).values(
                system=claim.system, at=0, verdict=owner, phase="idle", sentence="", evidence="{}", fence=claim.fence))
            claim.commit(connection, phase="idle", body="{}", wake_at=0)
        committed += 1
    except Fenced:
        fenced += 1
print(committed, fenced)
"""


@pytest.mark.e2e
def test_two_processes_never_share_a_fence(database: Database) -> None:
    """Two processes that steal each other's leases all the time: one commit a fence, and none of the refused stands."""
    put(database, ("a", 0))
    both = [
        subprocess.Popen(
            [sys.executable, "-c", CONTENDER, database.url, owner],
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for owner in ("one", "two")
    ]
    for process in both:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0].split() for process in both]

    fences = written(database)
    committed, fenced = (sum(int(words[part]) for words in said) for part in (0, 1))
    assert sorted(set(fences)) == sorted(fences)
    assert (120, committed) == (committed + fenced, len(fences))
    assert fenced > 0, "no lease was ever stolen: the test did not test"
