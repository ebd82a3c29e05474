"""Which readings are kept, and which become facts."""

from collections.abc import Sequence

from homeostat.core.clock import DAY, HOUR, Micros
from homeostat.monitor import queries
from homeostat.monitor.records import Reading, State
from homeostat.monitor.service import Monitor
from homeostat.store import ledger
from homeostat.store.db import Database


def reading(state: State, at: int, setpoint: str = "performance:brier") -> Reading:
    return Reading(
        system="flights",
        setpoint=setpoint,
        kind="performance",
        at=Micros(at),
        value=0.2,
        low=0.18,
        high=0.22,
        at_most=0.19,
        state=state,
        rows=100,
        coverage=0.9,
        evidence={"onset_at": 5},
        sentence="said",
    )


def record(monitor: Monitor, database: Database, readings: Sequence[Reading]) -> None:
    for one in readings:
        with database.write() as connection:
            monitor.record(connection, [one])


def facts(database: Database) -> list[str]:
    with database.read() as connection:
        return [entry.kind for entry in ledger.entries(connection)]


def kept(database: Database) -> list[tuple[str, int]]:
    with database.read() as connection:
        history = queries.reading_history(connection, "flights", "performance:brier")
    return [(one.state, one.at) for one in history]


def test_kept_when_changed_or_a_day_has_passed(monitor: Monitor, database: Database) -> None:
    """Read every six hours for two days with one change: three rows, not nine."""
    record(monitor, database, [reading("met" if step < 6 else "breach", step * 6 * HOUR) for step in range(9)])
    assert [("met", 0), ("met", DAY), ("breach", 36 * HOUR)] == kept(database)


def test_breach_and_return_are_facts(monitor: Monitor, database: Database) -> None:
    """One fact for each change; a breach that passes through unknown is still the same breach."""
    states: list[State] = ["met", "breach", "unknown", "breach", "met", "unknown", "met"]
    record(monitor, database, [reading(state, step * DAY) for step, state in enumerate(states)])
    assert ["setpoint-breached", "setpoint-met"] == facts(database)


def test_first_breach_is_news_first_met_is_not(monitor: Monitor, database: Database) -> None:
    """A setpoint that is breached when first read is a fact; one that is met is as it should be."""
    record(monitor, database, [reading("met", 0), reading("breach", 0, setpoint="latency")])
    assert ["setpoint-breached"] == facts(database)


def test_breach_carries_its_onset(monitor: Monitor, database: Database) -> None:
    """The fact says where the change began, not only when it was seen."""
    record(monitor, database, [reading("breach", DAY)])
    with database.read() as connection:
        (entry,) = ledger.entries(connection, kinds=["setpoint-breached"])
    assert ("flights", "monitor", True) == (entry.system, entry.actor, '"onset_at":5' in entry.body)


def test_rolled_back_with_its_caller(monitor: Monitor, database: Database) -> None:
    """Readings and facts live in the caller's transaction."""
    with database.engine.connect() as connection:
        monitor.record(connection, [reading("breach", 0)])
        connection.rollback()
    assert ([], []) == (kept(database), facts(database))


def test_latest_of_each_setpoint(monitor: Monitor, database: Database) -> None:
    """One reading for each setpoint: the newest kept."""
    rows = [reading("met", 0), reading("breach", DAY), reading("met", 0, setpoint="age")]
    record(monitor, database, rows)
    with database.read() as connection:
        latest = queries.latest_readings(connection, "flights")
    assert [rows[2], rows[1]] == latest


def test_history_is_bounded(monitor: Monitor, database: Database) -> None:
    """The newest so many since an instant, oldest first."""
    record(monitor, database, [reading("met", day * DAY) for day in range(6)])
    with database.read() as connection:
        history = queries.reading_history(connection, "flights", "performance:brier", since=Micros(2 * DAY), limit=3)
    assert [3 * DAY, 4 * DAY, 5 * DAY] == [one.at for one in history]
