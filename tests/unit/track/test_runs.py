"""What a run says, and that it is all there afterwards."""

import logging
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import text

from homeostat.core.clock import SECOND, FixedClock
from homeostat.core.errors import NotFound, UserError
from homeostat.core.ids import RunId
from homeostat.store import ledger, lineage
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.track import outbox, queries
from homeostat.track.records import Finished, RunDetail, Series, Started
from homeostat.track.run import Beginning, Run
from homeostat.track.service import Runs
from homeostat.track.spool import Spool, frame, run_of, spools


def detail(database: Database, run: Run) -> RunDetail:
    with database.read() as connection:
        return queries.get(connection, run.id)


def series(database: Database, run: Run, key: str) -> Series:
    with database.read() as connection:
        return queries.series(connection, run.id, key)


class TestLifetime:
    def test_started_run_is_there_at_once(self, runs: Runs, database: Database) -> None:
        """A run shows up when it starts, with what was known then."""
        run = runs.start("baseline", system="late-flights", params={"lr": 0.1}, tags={"who": "ann"})
        found = detail(database, run)
        run.finish()

        assert ("baseline", "running", {"lr": 0.1}, {"who": "ann"}) == (
            found.run.name,
            found.run.status,
            found.params,
            found.tags,
        )

    def test_leaving_the_block_finishes(self, runs: Runs, database: Database, clock: FixedClock) -> None:
        """A block that ends well is a finished run, as long as the clock says."""
        with runs.start("baseline") as run:
            clock.advance(SECOND)

        found = detail(database, run).run
        assert ("finished", SECOND) == (found.status, (found.finished_at or 0) - found.started_at)

    def test_an_error_fails_the_run_and_goes_on(self, runs: Runs, database: Database) -> None:
        """The user's error is kept with its traceback and is not swallowed."""

        def train() -> None:
            with runs.start("baseline"):
                raise ZeroDivisionError("no rows")

        with pytest.raises(ZeroDivisionError):
            train()

        with database.read() as connection:
            (found,) = queries.recent(connection)
        assert "failed" == found.status
        assert "in train" in found.error
        assert "no rows" in found.error

    def test_facts_tell_start_and_end_once(self, runs: Runs, database: Database) -> None:
        """Finishing twice is finishing once."""
        run = runs.start("baseline")
        run.finish()
        run.finish()

        with database.read() as connection:
            assert ["run-started", "run-finished"] == [entry.kind for entry in ledger.entries(connection)]

    def test_nothing_stays_in_the_spool(self, runs: Runs, tmp_path: Path) -> None:
        """The file of a finished run is gone: the database holds it."""
        runs.start("baseline").finish()

        assert [] == list((tmp_path / "spool").iterdir())

    def test_unknown_ending_is_refused(self, runs: Runs) -> None:
        """A run ends as finished or failed."""
        run = runs.start("baseline")
        with pytest.raises(UserError, match="'done'"):
            run.finish("done")
        run.finish()

    def test_surroundings_are_kept_and_traced(self, runs: Runs, database: Database) -> None:
        """Code and environment of a run stand upstream of it."""
        run = runs.start("baseline", surroundings={"code": "c" * 64, "environment": "e" * 64, "argv": ["train.py"]})
        run.finish()

        with database.read() as connection:
            parents = [edge.parent for edge in lineage.upstream(connection, f"run:{run.id}")]
        assert ["code:" + "c" * 64, "environment:" + "e" * 64] == sorted(parents)
        assert ["train.py"] == detail(database, run).surroundings["argv"]


class TestParts:
    def test_a_part_belongs_to_its_run(self, runs: Runs, database: Database, clock: FixedClock) -> None:
        """It names its whole, lies in the same experiment, and may have begun before now."""
        began = clock.now()
        run = runs.start("search", experiment="depth")
        clock.advance(SECOND)
        with run.part("trial-1", params={"x": {"y": 1}}, tags={"a": "b"}, began_at=began) as part:
            part.log(loss=0.5)
        run.finish()

        whole, found = detail(database, run), detail(database, part)
        assert (run.id, whole.run.experiment_id, began) == (
            found.run.parent,
            found.run.experiment_id,
            found.run.started_at,
        )
        assert ({"x.y": 1}, {"a": "b"}, "finished") == (found.params, found.tags, found.run.status)

    def test_surroundings_are_found_out_once(
        self, runs: Runs, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What surrounds a run surrounds its parts, and nobody looks again."""
        looked: list[dict[str, str]] = []

        def look() -> dict[str, str]:
            looked.append({"code": "c" * 64, "environment": "e" * 64})
            return looked[-1]

        monkeypatch.setattr(runs, "capture", look)
        started = Started(
            id=RunId("run-1"), at=clock.now(), name="search", kind="run", system="", parent="", surroundings={}
        )
        begins = Beginning(id=started.id, name="search", first=(started,), is_captured=True)
        with Run(runs, runs.folder, clock, begins) as run:
            parts = [run.part(f"trial-{number}") for number in range(3)]
            for part in parts:
                part.finish()

        assert ["c" * 64] * 4 == [detail(database, one).run.code for one in (run, *parts)]
        assert 1 == len(looked)

    def test_a_part_of_a_run_that_goes_on(self, runs: Runs, database: Database) -> None:
        """Belongs to the experiment that run is in."""
        first = runs.start("search", experiment="depth")
        first.finish()
        again = runs.resume(first.id)
        part = again.part("trial-1")
        part.finish()
        again.finish()

        assert detail(database, first).run.experiment_id == detail(database, part).run.experiment_id


class TestMetrics:
    def test_points_keep_their_order_step_and_time(self, runs: Runs, database: Database, clock: FixedClock) -> None:
        """A curve comes back as it was logged."""
        with runs.start("baseline") as run:
            for step in (3, 5, 4):
                run.log(step, loss=step / 2)
                clock.advance(SECOND)

        found = series(database, run, "loss")
        assert ([3, 5, 4], [1.5, 2.5, 2.0]) == (found.steps, found.values)
        assert [0, SECOND, 2 * SECOND] == [at - found.logged_at[0] for at in found.logged_at]

    def test_each_metric_counts_its_own_steps(self, runs: Runs, database: Database) -> None:
        """Without a step a point follows the last one of its metric."""
        with runs.start("baseline") as run:
            run.log(a=1.0)
            run.log(a=1.0, b=1.0)
            run.log(step=7, a=1.0)
            run.log(a=1.0)

        assert ([0, 1, 7, 8], [0]) == (series(database, run, "a").steps, series(database, run, "b").steps)

    def test_nan_and_infinity_are_values(self, runs: Runs, database: Database) -> None:
        """A loss that blew up is on record as such, in the curve and as the latest value."""
        with runs.start("baseline") as run:
            for value in (math.inf, -math.inf, math.nan):
                run.log(loss=value)

        found = series(database, run, "loss").values
        assert [math.inf, -math.inf] == found[:2]
        assert math.isnan(found[2])
        assert math.isnan(detail(database, run).metrics[0].value)

    def test_a_dict_of_metrics_is_taken_for_what_it_is(self, runs: Runs, database: Database) -> None:
        """As other trackers take them, with the step among them or not."""
        with runs.start("baseline") as run:
            run.log({"loss": 0.5})  # type: ignore[arg-type]
            run.log({"loss": 0.25, "step": 7})  # type: ignore[arg-type]
            run.log({})  # type: ignore[arg-type]

        assert ([0, 7], [0.5, 0.25]) == (series(database, run, "loss").steps, series(database, run, "loss").values)

    def test_latest_is_the_last_point_logged(self, runs: Runs, database: Database) -> None:
        """The table of runs shows the newest value and how many there are."""
        with runs.start("baseline") as run:
            for step in range(10):
                run.log(step, loss=1 / (step + 1))

        (latest,) = detail(database, run).metrics
        assert ("loss", 10, 9, 0.1) == (latest.key, latest.points, latest.step, latest.value)

    def test_a_changing_array_is_logged_as_it_was(self, runs: Runs, database: Database) -> None:
        """A value that is changed in place after the call does not change the past."""
        loss: Any = np.array(1.0)
        with runs.start("baseline") as run:
            run.log(loss=loss)
            loss += 5

        assert [1.0] == series(database, run, "loss").values

    @pytest.mark.parametrize(
        "arguments",
        [
            {"loss": "low"},
            {"loss": None},
            {"k" * 300: 1.0},
            {"step": "first", "loss": 1.0},
            {"step": 2**70, "loss": 1.0},
        ],
    )
    def test_nonsense_never_stops_training(
        self, runs: Runs, database: Database, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any]
    ) -> None:
        """What cannot be kept is dropped, counted and said; what comes after is kept."""
        with caplog.at_level(logging.WARNING), runs.start("baseline") as run:
            run.log(**arguments)
            run.log(fine=1.0)

        assert (1, ["fine"]) == (detail(database, run).run.dropped, [one.key for one in detail(database, run).metrics])
        assert "dropped" in caplog.text

    def test_more_points_than_one_frame(self, runs: Runs, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """Long curves cross frames and batches without a gap."""
        monkeypatch.setattr(outbox, "_CALLS", 7)
        monkeypatch.setattr("homeostat.track.shipping.BATCH_BYTES", 2000)
        with runs.start("baseline") as run:
            for step in range(500):
                run.log(step, a=float(step), b=-float(step))

        assert [float(step) for step in range(500)] == series(database, run, "a").values
        assert [-float(step) for step in range(500)] == series(database, run, "b").values

    def test_unknown_metric_names_those_there_are(self, runs: Runs, database: Database) -> None:
        """The error lists the metrics of the run."""
        with runs.start("baseline") as run:
            run.log(loss=1.0)

        with pytest.raises(NotFound, match="It has: loss"):
            series(database, run, "los")


class TestParams:
    def test_nested_params_are_flat(self, runs: Runs, database: Database) -> None:
        """Dotted keys, values as JSON, numpy scalars as numbers."""
        with runs.start("baseline") as run:
            run.params(model={"depth": np.int64(3), "loss": {"name": "log"}}, seeds=[1, 2])

        assert {"model.depth": 3, "model.loss.name": "log", "seeds": [1, 2]} == detail(database, run).params

    def test_params_are_a_dict_or_words(self, runs: Runs, database: Database) -> None:
        """`vars(args)` goes as it is."""
        with runs.start("baseline") as run:
            run.params({"batch size": 8}, lr=0.1)

        assert {"batch size": 8, "lr": 0.1} == detail(database, run).params

    def test_a_param_is_written_once(self, runs: Runs) -> None:
        """Another value for the same param is a mistake; the same value is not."""
        with runs.start("baseline", params={"lr": 0.1}) as run:
            run.params(lr=0.1)
            with pytest.raises(UserError, match=r"'lr'.*0\.1.*0\.2"):
                run.params(lr=0.2)

    def test_finished_run_takes_no_more(self, runs: Runs) -> None:
        """What is said too late is refused."""
        run = runs.start("baseline")
        run.finish()

        with pytest.raises(UserError, match="is finished"):
            run.params(lr=0.1)


class TestTagsNotesArtifacts:
    def test_a_later_tag_replaces(self, runs: Runs, database: Database) -> None:
        """Tags and notes hold their last value."""
        with runs.start("baseline", tags={"stage": "draft"}) as run:
            run.note("first try")
            run.tag("stage", "final")
            run.note("it works")

        found = detail(database, run)
        assert ({"stage": "final"}, "it works") == (found.tags, found.run.note)

    @pytest.mark.parametrize("as_file", [True, False])
    def test_artifact_is_kept_by_digest(
        self,
        runs: Runs,
        database: Database,
        objects: FileObjects,
        tmp_path: Path,
        as_file: bool,  # noqa: FBT001  parametrised
    ) -> None:
        """Files and bytes are objects with a name."""
        (tmp_path / "plot.svg").write_bytes(b"<svg/>")
        with runs.start("baseline") as run:
            run.artifact("plot.svg", tmp_path / "plot.svg" if as_file else b"<svg/>")

        (kept,) = detail(database, run).artifacts
        assert ("plot.svg", 6, b"<svg/>") == (kept.name, kept.size_bytes, objects.read(kept.digest))

    def test_what_is_no_file_is_said(self, runs: Runs) -> None:
        """With what to call instead."""
        with runs.start("baseline") as run, pytest.raises(UserError, match=r"A dict is no file.*run\.json"):
            run.artifact("a.json", {"a": 1})  # type: ignore[arg-type]

    def test_a_dict_is_kept_as_json(self, runs: Runs, database: Database, objects: FileObjects) -> None:
        """With scalars of numpy as numbers."""
        with runs.start("baseline") as run:
            run.json("settings", {"depth": np.int64(3), "path": Path("x")})

        (kept,) = detail(database, run).artifacts
        assert ("settings.json", {"depth": 3, "path": "x"}) == (
            kept.name,
            msgspec.json.decode(objects.read(kept.digest)),
        )

    def test_missing_file_is_said(self, runs: Runs, tmp_path: Path) -> None:
        """An artifact that is not there is an error of the caller."""
        with runs.start("baseline") as run, pytest.raises(NotFound, match="nothing"):
            run.artifact("plot", tmp_path / "nothing")


class TestTrouble:
    def test_dead_database_costs_nothing(
        self, runs: Runs, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With the database away a run starts, logs and ends; the next recovery brings it home as it was."""
        with database.write() as connection:
            connection.execute(text("ALTER TABLE runs RENAME TO away"))
        with caplog.at_level(logging.WARNING), runs.start("baseline") as run:
            run.log(loss=1.0)
        with database.write() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO runs"))

        assert [] == runs.recover()
        assert ("finished", [1.0]) == (detail(database, run).run.status, series(database, run, "loss").values)
        assert [] == list((tmp_path / "spool").iterdir())
        assert "Nothing is lost" in caplog.text

    def test_what_cannot_be_taken_holds_up_nothing_else(
        self, runs: Runs, clock: FixedClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Words of a later version, or of a run that is gone, stay where they are and are told; other runs come home."""
        now = clock.now()
        words = {
            "run-0": struct.pack("<II", 9, zlib.crc32(b"\x91\xa7unknown")) + b"\x91\xa7unknown",
            "run-1": frame(Finished(at=now, status="finished", error="", dropped=0)),
            "run-2": frame(
                Started(id=RunId("run-2"), at=now, name="good", kind="run", system="", parent="", surroundings={})
            ),
        }
        for run_id, said in words.items():
            spool = Spool.create(tmp_path / "spool", RunId(run_id))
            spool.append(said)
            spool.close(delete=False)
        with caplog.at_level(logging.WARNING):
            killed = runs.recover()

        assert ["run-2"] == killed
        assert ["run-0", "run-1"] == [run_of(path) for path in spools(tmp_path / "spool")]
        assert ["run-0", "run-1"] == [record.args[0] for record in caplog.records if isinstance(record.args, tuple)]

    def test_full_memory_drops_and_counts(
        self, runs: Runs, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """When nothing can be written memory stays bounded, and the run says how much is missing."""
        monkeypatch.setattr("homeostat.track.run.LIMIT", 10)
        monkeypatch.setattr(outbox, "PERIOD_S", 60)
        with runs.start("baseline") as run:
            for _ in range(25):
                run.log(loss=1.0)

        assert (15, 10) == (detail(database, run).run.dropped, len(series(database, run, "loss").values))

    def test_full_disk_is_ridden_out(
        self, runs: Runs, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Points logged while the spool could not be written are there once it can, in order and once."""
        monkeypatch.setattr(outbox, "PERIOD_S", 60)

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        with runs.start("baseline") as run:
            run.log(loss=1.0)
            with monkeypatch.context() as patch:
                patch.setattr("homeostat.track.spool.os.pwrite", full)
                assert not run.flush()
            run.log(loss=2.0)

        assert [1.0, 2.0] == series(database, run, "loss").values


class TestQueries:
    def test_pages_go_on_where_the_last_ended(self, runs: Runs, database: Database, clock: FixedClock) -> None:
        """Pages by cursor hold every run once, newest first."""
        for number in range(5):
            clock.advance(SECOND)
            runs.start(f"r{number}").finish()

        with database.read() as connection:
            first = queries.recent(connection, limit=3)
            second = queries.recent(connection, limit=3, cursor=first[-1].id)
        assert ["r4", "r3", "r2", "r1", "r0"] == [run.name for run in first + second]

    def test_filter_by_system_and_kind(self, runs: Runs, database: Database) -> None:
        """Only the runs asked for."""
        for system, kind in (("a", "run"), ("a", "pipeline"), ("b", "pipeline")):
            runs.start(f"{system}-{kind}", system=system, kind=kind).finish()

        with database.read() as connection:
            found = queries.recent(connection, system="a", kind="pipeline")
        assert ["a-pipeline"] == [run.name for run in found]

    def test_unknown_run(self, database: Database) -> None:
        """The error names the run."""
        with database.read() as connection, pytest.raises(NotFound, match="run-x"):
            queries.get(connection, "run-x")
