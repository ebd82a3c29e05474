"""What an import would bring, told without writing anything."""

from homeostat.core.errors import BadData, NotFound
from homeostat.importing import memory
from homeostat.importing.ports import Source
from homeostat.importing.records import Model, Owner, Run, Unreadable
from homeostat.importing.tally import Tally
from homeostat.registry import catalog, logged
from homeostat.registry.queries import versions
from homeostat.store.db import Database
from homeostat.track import experiments, queries


def plan(database: Database, source: Source, tally: Tally) -> None:
    """Count what is there, and what of it is here. Files of what is unchanged are not listed; points are not counted, for that
    takes reading them.
    """
    for experiment in source.experiments():
        if isinstance(experiment, Unreadable):
            tally.unreadable(experiment)
            continue
        with database.read() as connection:
            is_here = memory.known(connection, source.address, "experiment", experiment.id) is not None
            is_here = is_here or experiments.of_name(connection, experiment.name) is not None
        tally.count("experiments", 1, int(is_here))
        for model in source.models(experiment.id):
            _one(database, source, tally, model)
        for run in source.runs(experiment.id):
            _one(database, source, tally, run)
            tally.say()
    for registered in source.registered():
        if isinstance(registered, Unreadable):
            tally.unreadable(registered)
            continue
        with database.read() as connection:
            tally.count("registered models", 1, int(catalog.exists(connection, registered.name)))
            here = {one.number for one in versions(connection, registered.name, limit=1_000_000)}
            aliases = catalog.aliases(connection, [registered.name]).get(registered.name, {})
        tally.count("versions", len(registered.versions), sum(one.number in here for one in registered.versions))
        held = sum(aliases.get(alias) == number for alias, number in registered.aliases.items())
        tally.count("aliases", len(registered.aliases), held)


def _one(database: Database, source: Source, tally: Tally, found: Run | Model | Unreadable) -> None:
    if isinstance(found, Unreadable):
        tally.unreadable(found)
        return
    kind = "run" if isinstance(found, Run) else "model"
    with database.read() as connection:
        known = memory.known(connection, source.address, kind, found.id)
        is_here = bool(
            queries.records(connection, [found.id]) if kind == "run" else logged.read(connection, [found.id])
        )
    tally.count("runs" if kind == "run" else "logged models", 1, int(is_here))
    is_still = found.is_over if isinstance(found, Run) else found.status != "pending"
    if is_here and is_still and known is not None and known.told == memory.told_of(found):
        tally.unchanged += 1
        return
    if is_here:
        tally.changed += 1
    else:
        tally.fresh += 1
    if isinstance(found, Run):
        tally.count("params", len(found.params), 0)
        tally.count("tags", len(found.tags), 0)
        tally.count("metrics", len(found.metrics), 0)
        tally.count("datasets", len(found.datasets), 0)
    try:
        for file in source.files(Owner("run" if kind == "run" else "model", found.id, found.root)):
            tally.count("files", 1, 0)
            if isinstance(file, Unreadable):
                tally.differ(kind, found.id, f"file {file.id!r}: {file.why}")
            else:
                tally.bytes += file.size_bytes or 0
    except (BadData, NotFound) as error:
        tally.differ(kind, found.id, error.message)
