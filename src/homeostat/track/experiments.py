"""Experiments: folders of runs. `Default`, number 0, is always there.

Each verb takes part in the caller's transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.errors import AlreadyExists, NotFound, UserError
from homeostat.store.db.schema.track import experiment_tags, experiments, runs
from homeostat.track.records import DEFAULT_EXPERIMENT, DEFAULT_EXPERIMENT_NAME, Experiment

MOST_CHARACTERS = 500  # of a name
# Made once: to build such a statement takes longer than to run it.
_NUMBERED = select(experiments).where(experiments.c.id == bindparam("asked"))
_LOCATION = select(experiments.c.artifact_location).where(experiments.c.id == bindparam("asked"))
_NAMED = select(experiments).where(experiments.c.name == bindparam("asked"))
_TAGS = select(experiment_tags).where(experiment_tags.c.experiment_id.in_(bindparam("ids", expanding=True)))


def ensure_default(connection: Connection, at: Micros) -> None:
    """Make `Default` if it is not there. Cost: one look by key."""
    if connection.execute(select(experiments.c.id).where(experiments.c.id == DEFAULT_EXPERIMENT)).first() is None:
        connection.execute(insert(experiments).values(id=DEFAULT_EXPERIMENT, **_fresh(DEFAULT_EXPERIMENT_NAME, at, "")))


def create(
    connection: Connection, name: str, at: Micros, *, artifact_location: str = "", tags: dict[str, str] | None = None
) -> int:
    """Make an experiment.

    Returns: its number.
    Raises: AlreadyExists if one has the name, deleted ones included. UserError if the name cannot be one.
    """
    _check_name(name)
    ensure_default(connection, at)
    known = connection.execute(select(experiments.c.deleted_at).where(experiments.c.name == name)).first()
    if known is not None:
        state = "is there already" if known.deleted_at is None else "was deleted, and keeps its name until it is gone"
        raise AlreadyExists(f"Experiment {name!r} {state}. Choose another name, or use that one.")
    made = connection.execute(insert(experiments).values(**_fresh(name, at, artifact_location)))
    assert made.inserted_primary_key is not None
    id_ = int(made.inserted_primary_key[0])
    for key, value in (tags or {}).items():
        tag(connection, id_, key, value)
    return id_


def number_of(connection: Connection, name: str, at: Micros) -> int:
    """The number of the experiment of this name, which is made if there is none, and restored if it was deleted."""
    ensure_default(connection, at)
    known = connection.execute(
        select(experiments.c.id, experiments.c.deleted_at).where(experiments.c.name == name)
    ).first()
    if known is None:
        return create(connection, name, at)
    if known.deleted_at is not None:
        connection.execute(update(experiments).where(experiments.c.id == known.id).values(deleted_at=None))
    return int(known.id)


def of_name(connection: Connection, name: str) -> int | None:
    """The number of the experiment of this name, deleted or not; None if there is none."""
    return connection.execute(select(experiments.c.id).where(experiments.c.name == name)).scalar()


def get(connection: Connection, id_: int) -> Experiment:
    """Raises: NotFound naming the number."""
    return _one(connection, _NUMBERED, id_)


def location(connection: Connection, id_: int) -> str:
    """Where the artifacts of an experiment are; empty for the object store of the workspace, and for no experiment."""
    return connection.execute(_LOCATION, {"asked": id_}).scalar() or ""


def named(connection: Connection, name: str) -> Experiment:
    """Raises: NotFound naming the name."""
    return _one(connection, _NAMED, name)


def read(connection: Connection, rows: Iterable[Any]) -> list[Experiment]:
    """Experiments of rows of their table, with their tags."""
    found = list(rows)
    tags: dict[int, dict[str, str]] = {row["id"]: {} for row in found}
    for experiment_id, key, value in connection.execute(_TAGS, {"ids": list(tags)}):
        tags[experiment_id][key] = value
    return [Experiment(**row, tags=tags[row["id"]]) for row in found]


def rename(connection: Connection, id_: int, name: str, at: Micros) -> None:
    """Raises: NotFound. AlreadyExists if another has the name. UserError if it was deleted, or is no name."""
    experiment = _living(connection, id_)
    if name == experiment.name:
        return
    _check_name(name)
    if connection.execute(select(experiments.c.id).where(experiments.c.name == name)).first() is not None:
        raise AlreadyExists(f"Experiment {name!r} is there already. Choose another name.")
    connection.execute(update(experiments).where(experiments.c.id == id_).values(name=name, updated_at=at))


def tag(connection: Connection, id_: int, key: str, value: str) -> None:
    """Set a tag; a later value replaces it."""
    where = (experiment_tags.c.experiment_id == id_) & (experiment_tags.c.key == key)
    if not connection.execute(update(experiment_tags).where(where).values(value=value)).rowcount:
        connection.execute(insert(experiment_tags).values(experiment_id=id_, key=key, value=value))


def untag(connection: Connection, id_: int, key: str) -> None:
    """Raises: NotFound if it has no such tag."""
    where = (experiment_tags.c.experiment_id == id_) & (experiment_tags.c.key == key)
    if not connection.execute(delete(experiment_tags).where(where)).rowcount:
        raise NotFound(f"Experiment {id_} has no tag {key!r}.")


def throw_away(connection: Connection, id_: int, at: Micros) -> None:
    """Delete softly, with its runs; `restore` brings them back, `retention.collect` makes it final.

    Raises: NotFound. UserError if it was deleted before.
    """
    _living(connection, id_)
    connection.execute(update(experiments).where(experiments.c.id == id_).values(deleted_at=at, updated_at=at))
    ours = (runs.c.experiment_id == id_) & runs.c.deleted_at.is_(None)
    connection.execute(update(runs).where(ours).values(deleted_at=at))


def restore(connection: Connection, id_: int, at: Micros) -> None:
    """Bring a deleted experiment back, with the runs that were deleted with it.

    Raises: NotFound. UserError if it is not deleted.
    """
    experiment = get(connection, id_)
    if experiment.deleted_at is None:
        raise UserError(f"Experiment {id_} ({experiment.name}) is not deleted.")
    connection.execute(update(experiments).where(experiments.c.id == id_).values(deleted_at=None, updated_at=at))
    together = (runs.c.experiment_id == id_) & (runs.c.deleted_at == experiment.deleted_at)
    connection.execute(update(runs).where(together).values(deleted_at=None))


def ids(connection: Connection, names: Sequence[str]) -> list[int]:
    """Numbers of experiments by name or number as text. Raises: NotFound naming the first that is not there."""
    return [get(connection, int(name)).id if name.isdecimal() else named(connection, name).id for name in names]


def names(connection: Connection) -> dict[int, str]:
    """All of them by number, deleted ones included."""
    return {row.id: row.name for row in connection.execute(select(experiments.c.id, experiments.c.name))}


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MOST_CHARACTERS:
        raise UserError(
            f"{name[:40]!r} cannot name an experiment: it has {len(name)} characters, 1 to {MOST_CHARACTERS} fit."
        )


def _living(connection: Connection, id_: int) -> Experiment:
    experiment = get(connection, id_)
    if experiment.deleted_at is not None:
        raise UserError(f"Experiment {id_} ({experiment.name}) is deleted. Restore it first.")
    return experiment


def _one(connection: Connection, query: Select[Any], asked: int | str) -> Experiment:
    found = read(connection, connection.execute(query, {"asked": asked}).mappings())
    if not found:
        names = connection.execute(select(experiments.c.name).order_by(experiments.c.id).limit(10)).scalars()
        raise NotFound(f"There is no experiment {str(asked)!r}. There are: {', '.join(names) or 'none'}.")
    return found[0]


def _fresh(name: str, at: Micros, artifact_location: str) -> dict[str, Any]:
    return {
        "name": name,
        "artifact_location": artifact_location,
        "created_at": at,
        "updated_at": at,
        "deleted_at": None,
    }
