"""Throwing away, restoring, collecting."""

import pytest
from sqlalchemy import func, select, table

from homeostat.core.clock import Micros
from homeostat.core.errors import AlreadyExists, NotFound, UserError
from homeostat.store.db import Database
from homeostat.track import experiments, queries, recording, retention
from homeostat.track.service import Runs

OF_RUNS = ("runs", "run_params", "run_tags", "run_series", "run_blocks", "run_artifacts", "run_inputs", "run_spools")
NOON = Micros(1_366_027_200_000_000)
LATER = Micros(2**60)


def finished(runs: Runs, name: str, parent: str | None = None, experiment: str = "Default") -> str:
    with runs.start(name, params={"a": 1}, tags={"b": "c"}, parent=parent, experiment=experiment) as run:
        run.log(loss=1.0)
        run.text("a.txt", "a")
        run.dataset("flights@1", context="training")
    return run.id


def test_a_deleted_run_is_out_of_sight_until_restored(runs: Runs, database: Database) -> None:
    """It is not listed and takes no words; restored it is as before."""
    run_id = finished(runs, "one")
    with database.write() as connection:
        retention.throw_away(connection, [run_id], LATER)
        assert [] == queries.recent(connection)
        with pytest.raises(UserError, match="is deleted"):
            recording.open_run(connection, run_id)
        retention.restore(connection, [run_id], NOON)

        assert [run_id] == [run.id for run in queries.recent(connection)]


def test_collecting_leaves_nothing_of_a_run(runs: Runs, database: Database) -> None:
    """After its grace period every row of it is gone; what is not deleted stays."""
    stays, goes = finished(runs, "stays"), finished(runs, "goes")
    with database.write() as connection:
        retention.throw_away(connection, [goes], Micros(10))
        only_said = retention.collect(connection, LATER, [], dry_run=True)
        too_early = retention.collect(connection, Micros(10), [])
        found = retention.collect(connection, LATER, [])
        counted = {
            name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in OF_RUNS
        }

        assert stays == queries.get(connection, stays).run.id
    assert (only_said, ()) == (found, too_early.runs)
    assert (goes,) == found.runs
    assert dict.fromkeys(OF_RUNS, 1) == counted


def test_collecting_keeps_runs_of_registered_models(runs: Runs, database: Database) -> None:
    """A run that made a model stays, and so does the run it is a part of."""
    above = finished(runs, "above")
    maker = finished(runs, "maker", parent=above)
    with database.write() as connection:
        retention.throw_away(connection, [above, maker], Micros(10))
        found = retention.collect(connection, LATER, [maker])

    assert ((), {above, maker}) == (found.runs, set(found.kept))


def test_an_experiment_goes_with_its_runs_and_comes_back_with_them(runs: Runs, database: Database) -> None:
    """Runs that were deleted before stay deleted when the experiment is restored."""
    first, second = (finished(runs, name, experiment="tuning") for name in ("first", "second"))
    with database.write() as connection:
        number = experiments.named(connection, "tuning").id
        retention.throw_away(connection, [first], Micros(5))
        experiments.throw_away(connection, number, Micros(10))
        with pytest.raises(UserError, match="'tuning', which is deleted"):
            retention.restore(connection, [second], NOON)
        experiments.restore(connection, number, Micros(20))

        assert [second] == [run.id for run in queries.recent(connection)]


def test_an_empty_deleted_experiment_is_collected(runs: Runs, database: Database) -> None:
    """With its last run gone for good its name is free again; `Default` always stays."""
    finished(runs, "one", experiment="tuning")
    with database.write() as connection:
        number = experiments.named(connection, "tuning").id
        experiments.throw_away(connection, number, Micros(10))
        with pytest.raises(AlreadyExists, match="keeps its name"):
            experiments.create(connection, "tuning", Micros(11))
        found = retention.collect(connection, LATER, [])
        experiments.create(connection, "tuning", Micros(12))

    assert (number,) == found.experiments


def test_unknown_runs_change_nothing(runs: Runs, database: Database) -> None:
    """One wrong id and none is deleted."""
    run_id = finished(runs, "one")
    with database.write() as connection:
        with pytest.raises(NotFound, match="run-x"):
            retention.throw_away(connection, [run_id, "run-x"], LATER)

        assert 1 == len(queries.recent(connection))


def test_texts_are_written_once(runs: Runs, database: Database) -> None:
    """A door's params may be repeated, not changed; nothing of a batch with a change is kept."""
    run = runs.start("one", params={"lr": 0.1, "net": "cnn"})
    with database.write() as connection:
        recording.put_texts(connection, run.id, {"net": "cnn", "lr": "0.1", "depth": "3"})
        with pytest.raises(UserError, match="'depth' is '3', not '4'"):
            recording.put_texts(connection, run.id, {"depth": "4", "width": "1"})
        params = queries.get(connection, run.id).params
    run.finish()

    assert {"lr": 0.1, "net": "cnn", "depth": "3"} == params
