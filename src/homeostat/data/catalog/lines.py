"""Where the lines of a dataset stand: the main one, and its branches, each the ref `branch/DATASET/NAME`. See `branches`."""

from sqlalchemy import Connection, select, update

from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Version
from homeostat.data.catalog.tags import read_target
from homeostat.store import refs
from homeostat.store.db.schema.data import dataset_versions
from homeostat.store.objects import ObjectStore

MAIN = "main"


def ref(dataset: str, name: str) -> str:
    return f"branch/{dataset}/{name}"


def head(connection: Connection, objects: ObjectStore, dataset: str, name: str) -> Version | None:
    """The newest version of a line; None if there is no such line."""
    if name == MAIN:
        return queries.newest(connection, dataset)
    digest = refs.get(connection, ref(dataset, name))
    return None if digest is None else queries.by_number(connection, dataset, read_target(objects, digest).number)


def names(connection: Connection, dataset: str) -> list[str]:
    """The branches of a dataset."""
    prefix = ref(dataset, "")
    return [name.removeprefix(prefix) for name in refs.under(connection, prefix)]


def parents(connection: Connection, dataset: str) -> dict[int, tuple[int, ...]]:
    """What each version of a dataset came from, by number."""
    columns = dataset_versions.c
    query = select(columns.number, columns.parent, columns.merged).where(columns.dataset == dataset)
    return {
        row.number: tuple(parent for parent in (row.parent, row.merged) if parent is not None)
        for row in connection.execute(query)
    }


def take_into_main(connection: Connection, dataset: str, numbers: set[int]) -> None:
    """Let versions of branches be of the main line, in the caller's transaction."""
    columns = dataset_versions.c
    connection.execute(
        update(dataset_versions).where(columns.dataset == dataset, columns.number.in_(numbers)).values(branch="")
    )
