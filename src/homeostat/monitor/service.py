"""The monitor: reads the observation log, keeps figures by week and day, reads setpoints.

`ingest` and `read` are functions of the log and of event time. What they work on in memory (`panel.py`) is rebuilt from
the log after a restart, so a crash loses nothing and counts nothing twice: figures are overwritten by what the log says.
"""

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert

from homeostat.core.clock import DAY, Clock, Micros
from homeostat.monitor import queries
from homeostat.monitor.drift import read_drift
from homeostat.monitor.inputs import Inputs, reference_of
from homeostat.monitor.operation import read_age, read_errors, read_latency
from homeostat.monitor.panel import Panel
from homeostat.monitor.performance import Watch, read_paired, read_performance, watch
from homeostat.monitor.ports import ObservationLog
from homeostat.monitor.recording import keep
from homeostat.monitor.records import Figures, Ingested, PairedEvidence, Reading
from homeostat.monitor.rules import figures
from homeostat.monitor.setpoints import Age, Drift, Errors, Latency, PairedLoss, Performance, Setpoint
from homeostat.store.db import Database
from homeostat.store.db.schema.monitor import drift_references, observed
from homeostat.store.db.schema.monitor import figures as figures_table

MONDAY = Micros(4 * DAY)  # 1970-01-05: weeks begin on Mondays unless told otherwise
_UNITS = {"day": DAY, "week": 7 * DAY}


class _Observed:
    """What is in memory of one system."""

    def __init__(self) -> None:
        self.panel = Panel()
        self.inputs = Inputs()
        self.predictions_cursor = ""
        self.labels_cursor = ""
        self.reference_mark: tuple[Micros, int] | None = None
        self.watches: dict[Performance, Watch] = {}


class Monitor:
    """One for each process that monitors; not for several threads at once.

    Args:
        database: holds figures, readings and references.
        clock: tells event time.
        log: predictions and labels.
        origin: an instant at which a week begins.
    """

    def __init__(self, database: Database, clock: Clock, log: ObservationLog, *, origin: Micros = MONDAY) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._origin = origin
        self._systems: dict[str, _Observed] = {}

    def ingest(self, system: str) -> Ingested:
        """Read what the log has new, join it, and commit the figures of the weeks and days it touches; a transaction.

        Raises: MissingColumn if the log lacks one.
        Cost: the new rows and the weeks they touch; the first call of a process reads the whole log.
        """
        seen = self._seen(system)
        before = seen.panel.ingested
        try:
            self._refer(system, seen)
            changed_at = self._take(system, seen)
            if seen.panel.ingested != before:
                with self._database.write() as connection:
                    self._write_figures(connection, system, seen, changed_at)
        except BaseException:
            # Memory may be ahead of the database now, or half way: the next call reads the log anew.
            del self._systems[system]
            raise
        return seen.panel.ingested

    def read(
        self,
        system: str,
        setpoints: tuple[Setpoint, ...],
        *,
        now: Micros,
        champion_since: Micros | None = None,
        champion_trained_at: Micros | None = None,
    ) -> list[Reading]:
        """Every setpoint as it stands at `now`, by what this process has ingested.

        Args:
            system: whose.
            setpoints: as declared.
            now: event time.
            champion_since: when the champion took over; performance is judged from there on.
            champion_trained_at: the end of its training data; the age counts from there.
        """
        return [self._read_one(system, setpoint, now, champion_since, champion_trained_at) for setpoint in setpoints]

    def record(self, connection: Connection, readings: list[Reading]) -> None:
        """Keep readings in the caller's transaction, with facts where a state changed.

        A reading is kept when its state differs from the one before, or a day has passed: so the table grows by one row a
        day and setpoint, however often the setpoints are read.
        """
        for reading in readings:
            keep(connection, reading)

    def paired(
        self,
        system: str,
        challenger_version: int,
        champion_version: int,
        since: Micros,
        *,
        matured_before: Micros | None = None,
        loss: PairedLoss = "brier",
        alpha: float = 0.05,
    ) -> PairedEvidence:
        """Loss of the challenger minus loss of the champion on the rows that both scored, by what was ingested.

        Args:
            system: whose rollout.
            challenger_version: model version.
            champion_version: model version.
            since: predictions from this instant on.
            matured_before: predictions before this instant only (now minus the label delay); all if None.
            loss: what is compared.
            alpha: the chance that the interval ever misses.
        """
        panel = self._seen(system).panel
        return read_paired(
            panel, challenger_version, champion_version, since, before=matured_before, loss=loss, alpha=alpha
        )

    def weekly(self, system: str) -> list[Figures]:
        """Figures of every week so far, oldest first, by what was ingested."""
        with self._database.read() as connection:
            return queries.figures(connection, system, "week")

    def set_reference(self, connection: Connection, system: str, table: pa.Table, version: int) -> None:
        """Compare inputs, from the next `ingest` on, with the rows a model version was trained on.

        Args:
            system: whose.
            table: the raw inputs, and `score` if the model's scores of these rows are known; columns that the log does
                not have are of no effect.
            version: model version. The reference set last is the one that counts.
        """
        reference = reference_of(table, version)
        connection.execute(
            delete(drift_references).where(drift_references.c.system == system, drift_references.c.version == version)
        )
        connection.execute(
            insert(drift_references).values(
                system=system,
                version=version,
                set_at=self._clock.now(),
                body=msgspec.json.encode(reference).decode(),
            )
        )

    def _seen(self, system: str) -> _Observed:
        return self._systems.setdefault(system, _Observed())

    def _refer(self, system: str, seen: _Observed) -> None:
        """Count over the reference that was set last, whichever process set it."""
        with self._database.read() as connection:
            mark = queries.reference_mark(connection, system)
            if mark is None or mark == seen.reference_mark:
                return
            reference = queries.reference(connection, system)
        if reference is not None:
            seen.inputs.compare_with(reference)
        seen.reference_mark = mark

    def _read_one(
        self, system: str, setpoint: Setpoint, now: Micros, since: Micros | None, trained_at: Micros | None
    ) -> Reading:
        seen = self._seen(system)
        match setpoint:
            case Performance():
                watched = watch(seen.panel, setpoint, since or Micros(0), now, seen.watches.get(setpoint))
                seen.watches[setpoint] = watched
                return read_performance(seen.panel, system, setpoint, watched, origin=self._origin, now=now)
            case Errors():
                requests = self._log.errors(system, Micros(now - setpoint.window_us))
                return read_errors(system, setpoint, requests, now)
            case Latency():
                return read_latency(seen.panel, system, setpoint, now)
            case Age():
                return read_age(system, setpoint, trained_at, now)
            case Drift():
                return read_drift(seen.inputs, system, setpoint, now)

    def _take(self, system: str, seen: _Observed) -> NDArray[np.int64]:
        """Bring memory up to the log; event times of the predictions whose figures changed."""
        changed_at = [np.empty(0, dtype=np.int64)]
        # A log may give what it has in parts.
        while (page := self._log.predictions(system, seen.predictions_cursor))[0].num_rows:
            predictions, seen.predictions_cursor = page
            fresh, at = seen.panel.append_predictions(predictions)
            seen.inputs.append(predictions.take(fresh), at)
            changed_at.append(at)
        while (page := self._log.labels(system, seen.labels_cursor))[0].num_rows:
            labels, seen.labels_cursor = page
            changed_at.append(seen.panel.append_labels(labels))
        return np.concatenate(changed_at)

    def _write_figures(
        self, connection: Connection, system: str, seen: _Observed, changed_at: NDArray[np.int64]
    ) -> None:
        """Overwrite the figures of the days and weeks of these predictions with what the log says."""
        panel = seen.panel
        for unit, length in _UNITS.items():
            starts = (np.unique((changed_at - self._origin) // length) * length + self._origin).tolist()
            connection.execute(
                delete(figures_table).where(
                    figures_table.c.system == system,
                    figures_table.c.unit == unit,
                    figures_table.c.start_at.in_(starts),
                )
            )
            rows = []
            for start in starts:
                index = panel.between(start, start + length)
                found = figures(
                    Micros(start),
                    panel.floats("score")[index],
                    panel.floats("label")[index],
                    panel.ints("version")[index],
                )
                rows.append(
                    {"system": system, "unit": unit, "start_at": start, "body": msgspec.json.encode(found).decode()}
                )
            if rows:
                connection.execute(insert(figures_table), rows)
        connection.execute(delete(observed).where(observed.c.system == system))
        connection.execute(insert(observed).values(system=system, body=msgspec.json.encode(panel.ingested).decode()))
