"""Experiments, runs and logged models of a source, written on the rooms and compared with what was told.

A run keeps its id and a logged model too, so that every address that names one stays true. Each step is a transaction, and every
step may be done again: who is stopped anywhere goes on by beginning anew.
"""

from collections.abc import Iterator
from typing import TypeVar

from sqlalchemy import Connection

from homeostat.core.clock import Clock, Micros
from homeostat.core.errors import BadData, UserError
from homeostat.core.ids import RunId
from homeostat.importing import comparison, memory
from homeostat.importing.contents import Contents, files_of
from homeostat.importing.ports import Source
from homeostat.importing.records import Experiment, Model, Owner, Run, Unreadable
from homeostat.importing.tally import Tally
from homeostat.registry import logged
from homeostat.registry.logged import LoggedModel
from homeostat.store.db import Database
from homeostat.track import amending, experiments, points, queries, recording
from homeostat.track.blocks import Points, join
from homeostat.track.records import DATASET_CONTEXT, DEFAULT_EXPERIMENT, DatasetUsed, RunRecord, Started

_Told = TypeVar("_Told")
_PARENT_TAG = "mlflow.parentRunId"
_SOURCE_TAG = "mlflow.source.name"
_POINTS = 25_000  # written in one transaction
_AT_ONCE = 50  # runs and models that are noted as whole in one transaction
_NONE = Points.of([], [], [])


class Runs:
    """Brings over what training said and kept."""

    def __init__(
        self, database: Database, clock: Clock, source: Source, contents: Contents, tally: Tally, *, recheck: bool
    ) -> None:
        """Args: recheck: read everything again, also what is here and the source tells as before."""
        self._database = database
        self._clock = clock
        self._source = source
        self._contents = contents
        self._tally = tally
        self._recheck = recheck
        self._settled: list[tuple[str, str, str]] = []

    def bring_all(self) -> None:
        for experiment in self._source.experiments():
            if isinstance(experiment, Unreadable):
                self._tally.unreadable(experiment)
                continue
            try:
                with self._database.write() as connection:
                    number = place_experiment(connection, self._source.address, experiment, self._clock.now())
            except UserError as error:
                self._tally.count("experiments", 1, 0)
                self._tally.differ("experiment", experiment.id, error.message)
                continue
            self._tally.count("experiments", 1, 1)
            for model in self._told(self._source.models(experiment.id), experiment):
                self._model(model, number)
            for run in self._told(self._source.runs(experiment.id), experiment):
                self._run(run, number, experiment)
                self._tally.say()
        self._note()

    def _settle(self, kind: str, id_: str, told: str) -> None:
        """All of it is here. Noted for many at once: who is stopped before compares a few again."""
        self._settled.append((kind, id_, told))
        if len(self._settled) == _AT_ONCE:
            self._note()

    def _note(self) -> None:
        with self._database.write() as connection:
            for kind, id_, told in self._settled:
                memory.remember(connection, self._source.address, kind, id_, id_, told)
        self._settled.clear()

    def _told(self, listing: Iterator[_Told], experiment: Experiment) -> Iterator[_Told]:
        """A listing; one that breaks off in its middle is a difference, and the next experiment is not held up."""
        try:
            yield from listing
        except BadData as error:
            self._tally.differ("experiment", experiment.id, error.message)

    def _run(self, run: Run | Unreadable, number: int, experiment: Experiment) -> None:
        if isinstance(run, Unreadable):
            self._tally.unreadable(run)
            return
        told = memory.told_of(run)
        with self._database.read() as connection:
            known = memory.known(connection, self._source.address, "run", run.id)
            (here,) = queries.records(connection, [run.id]) or (None,)
        if here is not None and (here.started_at != run.started_at or (known is None and here.experiment_id != number)):
            self._tally.unreadable(Unreadable("run", run.id, "Another run has this id here. It was not touched."))
            return
        if here is not None and known is not None and known.told == told and run.is_over and not self._recheck:
            self._tally.unchanged += 1
            self._tally.count("runs", 1, 1)
            return
        if here is None:
            self._tally.fresh += 1
        else:
            self._tally.changed += 1
        before = self._tally.differing
        try:
            with self._database.write() as connection:
                write_run(connection, run, here, number, self._deleted_at(experiment))
                memory.remember(connection, self._source.address, "run", run.id, run.id)
        except UserError as error:
            self._tally.unreadable(Unreadable("run", run.id, error.message))
            return
        for model_id in (*(one.model_id for one in run.outputs), *run.models):
            self._hidden_model(model_id, number)
        self._curves(run)
        owner = Owner("run", run.id, run.root)
        with self._database.read() as connection:
            files = files_of(connection, owner)
        self._contents.bring(owner, files, again=self._recheck or not run.is_over)
        self._compare(run)
        if self._tally.differing == before:
            self._settle("run", run.id, told)

    def _curves(self, run: Run) -> None:
        """Bring all histories over, part by part, many short ones in one transaction; and compare them."""
        waiting: list[tuple[str, Points]] = []
        ended: list[tuple[str, list[Points], str]] = []
        for newest in run.metrics:
            parts: list[Points] = []
            why = ""
            try:
                for part in self._source.history(run, newest.key):
                    parts.append(part)
                    waiting.append((newest.key, part))
                    if sum(len(one) for _, one in waiting) >= _POINTS:
                        self._add(run, waiting)
            except (BadData, ValueError) as error:
                why = f": {error}"
            ended.append((newest.key, parts, why))
            if not waiting:
                self._compare_curves(run, ended)
        self._add(run, waiting)
        self._compare_curves(run, ended)

    def _add(self, run: Run, waiting: list[tuple[str, Points]]) -> None:
        if waiting:
            with self._database.write() as connection:
                for key, part in waiting:
                    points.add(connection, RunId(run.id), key, part, once=True)
        waiting.clear()
        self._tally.say()

    def _compare_curves(self, run: Run, ended: list[tuple[str, list[Points], str]]) -> None:
        """Compare histories, by key with their parts and why they could not be read to their end."""
        for key, parts, why in ended:
            there = comparison.settled(join(parts)) if parts else _NONE
            with self._database.read() as connection:
                curve = queries.curves(connection, [run.id], key).get(run.id, _NONE)
            held = comparison.held(there, comparison.settled(curve))
            is_whole = held == len(there) > 0 and not why
            self._tally.count("points", len(there), held)
            self._tally.count("metrics", 1, int(is_whole))
            if not is_whole:
                self._tally.differ("run", run.id, f"of metric {key!r} {held:,} of {len(there):,} points are here{why}")
        ended.clear()

    def _compare(self, run: Run) -> None:
        with self._database.read() as connection:
            here = queries.get(connection, run.id)
        for what in comparison.differences(run, here):
            self._tally.differ("run", run.id, what)
        self._tally.count("runs", 1, 1)
        self._tally.count("params", len(run.params), comparison.same(run.params, here.params))
        self._tally.count("tags", len(run.tags), comparison.same(run.tags, here.tags))
        absent = len(comparison.missing(run.datasets, here.inputs))
        self._tally.count("datasets", len(run.datasets), len(run.datasets) - absent)

    def _hidden_model(self, model_id: str, number: int) -> None:
        """A model that a run names, and the source tells only when asked for it by its id."""
        with self._database.read() as connection:
            here = logged.read(connection, [model_id])
        if not here or here[0].deleted_at is not None:
            found = self._source.model(model_id)
            if found is not None:
                self._model(found, number)

    def _model(self, model: Model | Unreadable, number: int) -> None:
        if isinstance(model, Unreadable):
            self._tally.unreadable(model)
            return
        told = memory.told_of(model)
        with self._database.read() as connection:
            known = memory.known(connection, self._source.address, "model", model.id)
            (here,) = logged.read(connection, [model.id]) or (None,)
        if here is not None and here.created_at != model.created_at:
            self._tally.unreadable(Unreadable("model", model.id, "Another model has this id here. It was not touched."))
            return
        if (
            here is not None
            and known is not None
            and known.told == told
            and model.status != "pending"
            and not self._recheck
        ):
            self._tally.unchanged += 1
            self._tally.count("logged models", 1, 1)
            return
        if here is None:
            self._tally.fresh += 1
        else:
            self._tally.changed += 1
        before = self._tally.differing
        wanted = _logged(model, number, here, self._clock.now())
        with self._database.write() as connection:
            logged.put(connection, wanted)
            memory.remember(connection, self._source.address, "model", model.id, model.id)
        owner = Owner("model", model.id, model.root)
        with self._database.read() as connection:
            files = files_of(connection, owner)
        self._contents.bring(owner, files, again=self._recheck or model.status == "pending")
        with self._database.read() as connection:
            ours = logged.get(connection, model.id, allow_deleted=True)
        self._tally.count("logged models", 1, 1)
        if comparison.missing(map(repr, model.metrics), map(repr, ours.metrics)):
            self._tally.differ("model", model.id, "not all of its metrics are here")
        if not model.params.items() <= ours.params.items() or not model.tags.items() <= ours.tags.items():
            self._tally.differ("model", model.id, "not all of its params and tags are here")
        if self._tally.differing == before:
            self._settle("model", model.id, told)

    def _deleted_at(self, experiment: Experiment) -> Micros:
        """Runs that were deleted with their experiment come back with it."""
        return experiment.updated_at if experiment.is_deleted else self._clock.now()


def place_experiment(connection: Connection, source: str, experiment: Experiment, now: Micros) -> int:
    """The number of an experiment here: that which was made for it, or of one that has its name, or of a new one.

    What was made for it takes its name and its state; one that was here before keeps both.

    Raises: UserError if it cannot have its name.
    """
    known = memory.known(connection, source, "experiment", experiment.id)
    if known is None:
        number, how = _number_for(connection, source, experiment, now)
        memory.remember(connection, source, "experiment", experiment.id, str(number), how)
    else:
        number, how = int(known.here), known.told
    here = experiments.get(connection, number)
    for key, value in experiment.tags.items():
        experiments.tag(connection, number, key, value)
    if how == "made":
        if experiment.is_deleted and here.deleted_at is None:
            experiments.throw_away(connection, number, experiment.updated_at)
        elif not experiment.is_deleted and here.deleted_at is not None:
            experiments.restore(connection, number, experiment.updated_at)
        if (
            not experiment.is_deleted
            and here.name != experiment.name
            and not here.name.startswith(f"{experiment.name} (")
        ):
            experiments.rename(connection, number, experiment.name, experiment.updated_at)
    return number


def write_run(connection: Connection, run: Run, here: RunRecord | None, number: int, deleted_at: Micros) -> None:
    """All of a run but its curves and files.

    Raises: UserError if a param has another value here.
    """
    id_ = RunId(run.id)
    if here is None:
        started = Started(
            id=id_,
            at=run.started_at,
            name=run.name,
            kind="run",
            system="",
            parent=run.tags.get(_PARENT_TAG, ""),
            surroundings={},
            user=run.user,
            source=run.tags.get(_SOURCE_TAG, "")[:1024],
        )
        recording.start(connection, started, experiment=number)
        (here,) = queries.records(connection, [id_])
    recording.put_tags(connection, id_, run.tags)
    recording.put_texts(connection, id_, run.params)
    for one in run.datasets:
        used = DatasetUsed(
            at=run.started_at,
            name=one.name,
            digest=one.digest,
            source_type=one.source_type,
            source=one.source,
            context=one.tags.get(DATASET_CONTEXT, ""),
            schema=one.schema,
            profile=one.profile,
        )
        recording.use_dataset(connection, id_, run.started_at, used, one.tags)
    for model_id in run.models:
        recording.use(connection, id_, "model", model_id, {})
    for made in run.outputs:
        recording.made(connection, id_, made.model_id, made.step)
    ended = run.finished_at or run.started_at
    amending.amend(connection, here, ended, name=run.name, status=run.status, finished_at=run.finished_at)
    if run.is_deleted and here.deleted_at is None:
        amending.throw_away(connection, id_, deleted_at)
    elif not run.is_deleted and here.deleted_at is not None:
        amending.restore(connection, id_)


def _number_for(connection: Connection, source: str, experiment: Experiment, now: Micros) -> tuple[int, str]:
    experiments.ensure_default(connection, now)
    if experiment.id == str(DEFAULT_EXPERIMENT):
        return DEFAULT_EXPERIMENT, "joined"
    name = experiment.name
    here = experiments.of_name(connection, name)
    if here is not None and memory.origin(connection, source, "experiment", str(here)) is None:
        if not experiment.is_deleted and experiments.get(connection, here).deleted_at is not None:
            experiments.restore(connection, here, now)  # as a run that is started in it does
        return here, "joined"
    if here is not None:  # two there have one name, as in a file store somebody copied folders in
        name = f"{name} ({experiment.id})"
    return experiments.create(connection, name, experiment.created_at), "made"


def _logged(model: Model, number: int, here: LoggedModel | None, now: Micros) -> LoggedModel:
    deleted_at = (here.deleted_at if here is not None else None) or now
    return LoggedModel(
        id=model.id,
        experiment_id=number,
        name=model.name,
        model_type=model.model_type,
        source_run_id=model.source_run_id,
        status=model.status,
        status_message=model.status_message,
        created_at=model.created_at,
        updated_at=model.updated_at,
        deleted_at=deleted_at if model.is_deleted else None,
        params=model.params,
        tags=model.tags,
        metrics=model.metrics,
    )
