"""Versions of datasets: what an append makes, what reading gives back, and what a crash leaves."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.codec.tables import Dataset, Table
from homeostat.core.clock import DAY, HOUR, FixedClock, Micros
from homeostat.core.errors import BadData, CorruptObject, InvalidName, MissingColumn, NotFound, WrongType
from homeostat.data.service import Datasets
from homeostat.store import ledger, lineage, refs
from homeostat.store.db import Database
from homeostat.store.lineage import Edge
from homeostat.store.objects import FileObjects

Feed = Callable[[int], Table]
START = 1_356_998_400_000_000


def joined(*tables: Table) -> Table:
    return Table.of(pa.concat_tables([table.arrow() for table in tables]))


class TestAppend:
    def test_versions_count_from_one(self, datasets: Datasets, feed: Feed, clock: FixedClock) -> None:
        """Each append makes the next version, which knows what came before and what is new."""
        datasets.append("flights", feed(0))
        clock.advance(DAY)

        second = datasets.append("flights", feed(1), source="day-1", actor="ana").version

        assert (2, 1, 48, 24) == (second.number, second.parent, second.rows, second.rows_added)
        assert (START + DAY, "day-1", "ana") == (second.created_at, second.source, second.created_by)
        assert datasets.version("flights") == second

    def test_the_id_is_that_of_the_rows(self, datasets: Datasets, feed: Feed) -> None:
        """Three appends and one import of the same rows are the same table."""
        for day in range(3):
            datasets.append("flights", feed(day))

        assert joined(feed(0), feed(1), feed(2)).digest == datasets.version("flights").id

    @given(sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=4))
    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_id_is_that_of_the_rows_for_any_sizes(self, datasets: Datasets, sizes: list[int]) -> None:
        """Appends may end anywhere in a block."""
        rows = Table.of({"n": list(range(sum(sizes)))}).arrow()
        name = f"d{len(datasets.names())}"
        first = 0
        for size in sizes:
            datasets.append(name, rows.slice(first, size))
            first += size

        assert Table.of(rows).digest == datasets.version(name).id

    def test_only_new_rows_are_written(self, datasets: Datasets, feed: Feed, objects: FileObjects) -> None:
        """An append adds one segment and one manifest to the store, nothing else."""
        datasets.append("flights", feed(0))
        before = set(objects.digests())

        version = datasets.append("flights", feed(1)).version

        fresh = set(objects.digests()) - before
        assert (2, True) == (len(fresh), version.manifest in fresh)

    def test_the_same_rows_of_a_source_are_added_once(self, datasets: Datasets, feed: Feed) -> None:
        """A feed that resumes after a crash may send again what was accepted."""
        first = datasets.append("flights", feed(0), source="day-0")
        datasets.append("flights", feed(1), source="day-1")

        again = datasets.append("flights", feed(0), source="day-0")

        assert (False, first.version) == (again.is_new, again.version)
        assert 2 == datasets.version("flights").number

    def test_other_rows_of_a_source_are_added(self, datasets: Datasets, feed: Feed) -> None:
        """A source may send more than once; only a repetition is dropped."""
        datasets.append("flights", feed(0), source="tower")

        assert 2 == datasets.append("flights", feed(1), source="tower").version.number

    def test_rows_without_source_are_never_a_repetition(self, datasets: Datasets, feed: Feed) -> None:
        """Without a source, equal rows may be two events."""
        datasets.append("flights", feed(0))

        assert 48 == datasets.append("flights", feed(0)).version.rows

    def test_columns_are_put_in_order(self, datasets: Datasets, feed: Feed) -> None:
        """The order of columns is the dataset's, not that of a day's file."""
        datasets.append("flights", feed(0))
        turned = feed(1).polars().select("delay", "carrier", "distance", "scheduled")

        datasets.append("flights", turned)

        assert joined(feed(0), feed(1)).digest == datasets.version("flights").id

    def test_types_are_widened_without_loss(self, datasets: Datasets, feed: Feed) -> None:
        """A day with whole numbers only, or without any value, fits a column of decimals."""
        datasets.append("flights", feed(0))
        day = feed(1).polars().with_columns(pl.col("distance").cast(pl.Int32), delay=pl.lit(None))

        version = datasets.append("flights", day).version

        assert {"scheduled": "timestamp[us, UTC]", "carrier": "string", "distance": "float64", "delay": "int64"} == {
            column.name: column.type for column in version.columns
        }

    @pytest.mark.parametrize(
        ("change", "error", "says"),
        [
            (lambda day: day.drop("distance"), MissingColumn, r"'flights' lack 'distance' \(float64\)"),
            (
                lambda day: day.with_columns(pl.col("distance").cast(pl.String)),
                WrongType,
                "'distance' is string, needs float64",
            ),
            (lambda day: day.with_columns(delay=pl.lit(0.5)), WrongType, "'delay' is float64, needs int64"),
            (lambda day: day.with_columns(gate=pl.lit("A1")), BadData, r"versions lack: 'gate' \(string\)"),
        ],
    )
    def test_other_columns_are_refused(
        self,
        datasets: Datasets,
        feed: Feed,
        change: Callable[[pl.DataFrame], pl.DataFrame],
        error: type[BadData],
        says: str,
    ) -> None:
        """What does not fit names the columns, and the dataset stays as it was."""
        datasets.append("flights", feed(0))

        with pytest.raises(error, match=says):
            datasets.append("flights", change(feed(1).polars()))

        assert 1 == datasets.version("flights").number

    def test_a_name_that_hides_a_path_is_refused(self, datasets: Datasets, feed: Feed) -> None:
        """Names are safe in paths and URLs."""
        with pytest.raises(InvalidName, match="dataset"):
            datasets.append("../flights", feed(0))

    def test_replace_begins_anew(self, datasets: Datasets, feed: Feed) -> None:
        """A replacing version may have other columns; the earlier ones stay readable."""
        first = datasets.append("flights", feed(0)).version

        second = datasets.replace("flights", {"n": [1]}).version

        assert (2, 1, 1, ("n",)) == (second.number, second.parent, second.rows, datasets.read(second).columns)
        assert feed(0).digest == datasets.read(first).digest


class TestTraces:
    def test_lineage_leads_to_source_and_rows(self, datasets: Datasets, feed: Feed, database: Database) -> None:
        """From a version, every row's way back can be walked."""
        datasets.append("flights", feed(0), source="day-0")
        rows = Table.of(feed(1), origin=("action:act-1",))

        datasets.append("flights", rows, source="day-1")

        with database.read() as connection:
            found = set(lineage.upstream(connection, "dataset:flights@2"))
        assert found == {
            Edge("dataset:flights@2", "dataset:flights@1", "previous"),
            Edge("dataset:flights@2", "source:day-1", "source"),
            Edge("dataset:flights@2", f"table:{rows.digest}", "rows"),
            Edge(f"table:{rows.digest}", "action:act-1", "origin"),
            Edge("dataset:flights@1", "source:day-0", "source"),
            Edge("dataset:flights@1", f"table:{feed(0).digest}", "rows"),
        }

    def test_the_ledger_tells_of_each_version(self, datasets: Datasets, feed: Feed, database: Database) -> None:
        """One append is one fact, with its actor."""
        datasets.append("flights", feed(0), actor="ana")

        with database.read() as connection:
            (entry,) = ledger.entries(connection)
        assert ("data-added", "ana", START) == (entry.kind, entry.actor, entry.at)

    def test_the_ref_leads_to_the_manifest(self, datasets: Datasets, feed: Feed, database: Database) -> None:
        """Whoever marks live objects finds a dataset by its ref."""
        version = datasets.append("flights", feed(0)).version

        with database.read() as connection:
            assert version.manifest == refs.get(connection, "dataset/flights")


class TestReading:
    def test_read_gives_rows_with_their_origin(self, datasets: Datasets, feed: Feed) -> None:
        """A dataset says which version it is."""
        version = datasets.append("flights", feed(0)).version

        read = datasets.read(version)

        assert isinstance(read, Dataset)
        assert ("flights", 1, ("dataset:flights@1",)) == (read.name, read.version, read.origin)
        assert feed(0) == read

    def test_an_old_version_stays_as_it_was(self, datasets: Datasets, feed: Feed) -> None:
        """Later appends do not show in earlier versions."""
        datasets.append("flights", feed(0))
        datasets.append("flights", feed(1))

        assert feed(0) == datasets.read(datasets.version("flights", 1))

    def test_columns_can_be_chosen(
        self, database: Database, objects: FileObjects, tmp_path: Path, datasets: Datasets, feed: Feed
    ) -> None:
        """A projection has the columns in the order asked for, from memory and from disk."""
        version = datasets.append("flights", feed(0)).version
        elsewhere = Datasets(database, objects, FixedClock(Micros(0)), tmp_path / "stat")

        chosen = [room.read(version, ["distance", "carrier"]) for room in (datasets, elsewhere)]

        assert [Table.of(feed(0).polars().select("distance", "carrier"))] * 2 == chosen

    def test_a_missing_column_names_those_there_are(self, datasets: Datasets, feed: Feed) -> None:
        """The message helps to find the right name."""
        version = datasets.append("flights", feed(0)).version

        with pytest.raises(
            MissingColumn, match=r"dataset:flights@1 has no column 'gate'\. Its columns are: scheduled, carrier"
        ):
            datasets.read(version, ["gate"])

    def test_an_unknown_dataset_names_those_there_are(self, datasets: Datasets, feed: Feed) -> None:
        """The message helps to find the right name."""
        datasets.append("flights", feed(0))
        datasets.append("weather", feed(0))

        with pytest.raises(NotFound, match=r"'fights'\. There are: flights, weather"):
            datasets.version("fights")

    def test_an_unknown_version_names_the_latest(self, datasets: Datasets, feed: Feed) -> None:
        """The message says which numbers there are."""
        datasets.append("flights", feed(0))

        with pytest.raises(NotFound, match="no version 7: its versions are 1 to 1"):
            datasets.version("flights", 7)

    def test_the_catalog_has_the_latest_of_each(self, datasets: Datasets, feed: Feed) -> None:
        """A page of datasets is one query."""
        datasets.append("weather", feed(0))
        datasets.append("flights", feed(0))
        datasets.append("flights", feed(1))

        assert [("flights", 2), ("weather", 1)] == [(version.dataset, version.number) for version in datasets.newest()]
        assert [2, 1] == [version.number for version in datasets.versions("flights")]


class TestWindow:
    def test_a_window_is_half_open(self, datasets: Datasets, feed: Feed) -> None:
        """until - last <= on < until: windows side by side share no row and miss none."""
        for day in range(4):
            datasets.append("flights", feed(day))

        window = datasets.window("flights", last_us=2 * DAY, on="scheduled", until=Micros(START + 3 * DAY))

        assert joined(feed(1), feed(2)) == window
        assert ("dataset:flights@4",) == window.origin

    @given(start=st.integers(0, 96), length=st.integers(0, 96))
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_window_is_a_filter_of_the_whole(self, datasets: Datasets, feed: Feed, start: int, length: int) -> None:
        """Leaving out segments by their bounds never changes the rows."""
        for day in range(4):
            datasets.append("flights", feed(day), source=f"day-{day}")
        since, until = START + start * HOUR, START + (start + length) * HOUR
        whole = datasets.read(datasets.version("flights")).polars()

        window = datasets.window("flights", last_us=until - since, on="scheduled", until=Micros(until))

        at = pl.col("scheduled").dt.epoch("us")
        assert Table.of(whole.filter((at >= since) & (at < until))) == window

    def test_only_overlapping_segments_are_read(
        self, datasets: Datasets, feed: Feed, database: Database, objects: FileObjects, tmp_path: Path
    ) -> None:
        """A window does not touch the days outside it, not even when they are lost."""
        before = set(objects.digests())
        first = datasets.append("flights", feed(0)).version
        lost = set(objects.digests()) - before - {first.manifest}
        datasets.append("flights", feed(1))
        for digest in lost:
            objects.path(digest).unlink()
        elsewhere = Datasets(database, objects, FixedClock(Micros(0)), tmp_path / "stat")

        window = elsewhere.window("flights", last_us=DAY, on="scheduled", until=Micros(START + 2 * DAY))

        assert feed(1) == window

    def test_a_row_without_time_is_in_no_window(self, datasets: Datasets) -> None:
        """A null is not an instant."""
        times = pa.array([START, None], pa.timestamp("us", "UTC"))
        datasets.append("events", {"at": times, "n": [1, 2]})

        window = datasets.window("events", last_us=DAY, on="at", until=Micros(START + 1))

        assert [1] == window.polars()["n"].to_list()

    def test_nanoseconds_are_compared_exactly(self, datasets: Datasets) -> None:
        """An instant a nanosecond before the end is in, the end is not."""
        times = pa.array([START * 1000 - 1, START * 1000], pa.timestamp("ns", "UTC"))
        datasets.append("events", {"at": times, "n": [1, 2]})

        window = datasets.window("events", last_us=DAY, on="at", until=Micros(START))

        assert [1] == window.polars()["n"].to_list()

    def test_an_empty_window_has_the_columns(self, datasets: Datasets, feed: Feed) -> None:
        """No rows are still a table of the dataset's columns."""
        datasets.append("flights", feed(0))

        window = datasets.window("flights", last_us=DAY, on="scheduled", until=Micros(START - DAY))

        assert (0, feed(0).types) == (window.rows, window.types)

    def test_a_window_needs_a_timestamp(self, datasets: Datasets, feed: Feed) -> None:
        """The message names the column and its type."""
        datasets.append("flights", feed(0))

        with pytest.raises(WrongType, match="'carrier' of dataset:flights@1 is string"):
            datasets.window("flights", last_us=DAY, on="carrier", until=Micros(START))


class TestDamage:
    def test_a_crash_before_the_row_leaves_nothing(
        self, datasets: Datasets, feed: Feed, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Objects without a row are no version; the same append succeeds afterwards."""

        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        datasets.append("flights", feed(0))
        monkeypatch.setattr("homeostat.data.catalog.recording.ledger.append", crash)
        with pytest.raises(KeyboardInterrupt):
            datasets.append("flights", feed(1), source="day-1")
        monkeypatch.undo()

        assert 1 == datasets.version("flights").number
        with database.read() as connection:
            assert datasets.version("flights").manifest == refs.get(connection, "dataset/flights")
            assert [] == lineage.upstream(connection, "dataset:flights@2")
        assert 2 == datasets.append("flights", feed(1), source="day-1").version.number

    def test_a_changed_segment_is_named(
        self, datasets: Datasets, feed: Feed, database: Database, objects: FileObjects, tmp_path: Path
    ) -> None:
        """Bytes that are not what was written are never served."""
        before = set(objects.digests())
        version = datasets.append("flights", feed(0)).version
        (segment,) = set(objects.digests()) - before - {version.manifest}
        objects.path(segment).write_bytes(b"bit rot")
        elsewhere = Datasets(database, objects, FixedClock(Micros(0)), tmp_path / "stat")

        with pytest.raises(CorruptObject, match=rf"dataset:flights@1 .* segment {segment[:8]} of 24 rows is damaged"):
            elsewhere.read(version)
        with pytest.raises(CorruptObject, match="damaged"):
            datasets.verify(version)

    def test_a_lost_manifest_is_named(self, datasets: Datasets, feed: Feed, objects: FileObjects) -> None:
        """The message says which version cannot be read."""
        version = datasets.append("flights", feed(0)).version
        objects.path(version.manifest).unlink()

        with pytest.raises(CorruptObject, match="manifest of dataset:flights@1"):
            datasets.read(version)

    def test_sound_versions_verify(self, datasets: Datasets, feed: Feed) -> None:
        """Verification passes what is as it was written."""
        datasets.append("flights", feed(0))
        version = datasets.append("flights", feed(1)).version

        datasets.verify(version)

        assert datasets.read(version).digest == version.id


_APPENDER = """
import sys, time
from pathlib import Path
from homeostat.core.clock import WallClock
from homeostat.data.service import Datasets
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects

root, who = Path(sys.argv[1]), sys.argv[2]
datasets = Datasets(Database(f"sqlite:///{root / 'data.db'}"), FileObjects(root / "objects"), WallClock(), root / "stat")
(root / f"ready-{who}").touch()
while len(list(root.glob("ready-*"))) < 2:
    time.sleep(0.001)
for n in range(8):
    datasets.append("flights", {"who": [who], "n": [n]}, source=f"{who}-{n}")
"""


def test_two_processes_append_at_once(tmp_path: Path, datasets: Datasets) -> None:
    """Both succeed: no append is lost, none counts twice, and the id is that of all the rows."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _APPENDER, str(tmp_path)]
    processes = [subprocess.Popen([*command, who], env=environment) for who in ("ana", "bo")]

    assert [0, 0] == [process.wait(timeout=120) for process in processes]

    found = datasets.versions("flights")
    rows = datasets.read(found[0])
    assert list(range(16, 0, -1)) == [version.number for version in found]
    assert {(who, n) for who in ("ana", "bo") for n in range(8)} == set(rows.polars().rows())
    assert found[0].id == rows.digest
