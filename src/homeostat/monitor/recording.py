"""Which readings are kept, and which of them are news."""

import msgspec
from sqlalchemy import Connection, insert, select

from homeostat.core.clock import DAY, Micros
from homeostat.monitor.facts import SetpointBreached, SetpointMet
from homeostat.monitor.records import Reading
from homeostat.store import ledger
from homeostat.store.db.schema.monitor import readings


def keep(connection: Connection, reading: Reading) -> None:
    """Keep a reading if its state changed or a day has passed; write a fact if the setpoint was breached or holds again.

    Unknown is a state to show, not news: a breach that passes through unknown back to breach is one breach.
    """
    of_setpoint = (readings.c.system == reading.system) & (readings.c.setpoint == reading.setpoint)
    newest = select(readings.c.at, readings.c.state).where(of_setpoint).order_by(readings.c.id.desc()).limit(1)
    last = connection.execute(newest).first()
    if last is not None and last.state == reading.state and reading.at - last.at < DAY:
        return
    known = connection.execute(newest.where(readings.c.state != "unknown")).first()
    was = known.state if known else "unknown"
    connection.execute(
        insert(readings).values(
            system=reading.system,
            setpoint=reading.setpoint,
            at=reading.at,
            state=reading.state,
            value=reading.value,
            body=msgspec.json.encode(reading).decode(),
        )
    )
    if reading.state == "breach" and was != "breach":
        ledger.append(connection, reading.at, _breached(reading))
    elif reading.state == "met" and was == "breach":
        met = SetpointMet(
            system=reading.system,
            actor="monitor",
            setpoint=reading.setpoint,
            value=reading.value,
            at_most=reading.at_most,
            sentence=reading.sentence,
        )
        ledger.append(connection, reading.at, met)


def _breached(reading: Reading) -> SetpointBreached:
    return SetpointBreached(
        system=reading.system,
        actor="monitor",
        setpoint=reading.setpoint,
        value=reading.value,
        at_most=reading.at_most,
        onset_at=Micros(reading.evidence.get("onset_at", reading.at)),
        sentence=reading.sentence,
    )
