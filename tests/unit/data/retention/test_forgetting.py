from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert

from homeostat.codec.tables import Table
from homeostat.core.clock import FixedClock, Micros
from homeostat.core.errors import NotFound, UserError
from homeostat.data.branches import Branches
from homeostat.data.retention.forgetting import Forgetting
from homeostat.data.service import Datasets
from homeostat.store import ledger, lineage
from homeostat.store.db import Database
from homeostat.store.db.schema.track import run_tags
from homeostat.store.lineage import Edge
from homeostat.store.objects import FileObjects
from homeostat.store.retention.mentions import Mentions, roots

Feed = Callable[[int], Table]


@pytest.fixture
def forgetting(
    database: Database, objects: FileObjects, clock: FixedClock, datasets: Datasets, feed: Feed
) -> Forgetting:
    """Of a project with four versions of flights and one of weather."""
    for day in range(4):
        datasets.replace("flights", feed(day), source=f"day {day}")
    datasets.append("weather", feed(9))
    return Forgetting(database, objects, clock)


def names(forgetting: Forgetting, keep_last: int = 1) -> list[str]:
    return [version.name for version in forgetting.candidates(["flights", "weather"], keep_last)]


def test_older_versions_that_nothing_uses(forgetting: Forgetting) -> None:
    """The last ones stay, as many as are wanted; a dataset with fewer is left alone."""
    assert ["flights@3", "flights@2", "flights@1"] == names(forgetting)
    assert ["flights@1"] == names(forgetting, 3)
    assert [] == names(forgetting, 4)


def test_the_main_line_keeps_its_newest(
    forgetting: Forgetting, database: Database, objects: FileObjects, clock: FixedClock, datasets: Datasets, feed: Feed
) -> None:
    """A branch that goes on after it does not make the newest version of the main line an old one."""
    branches = Branches(database, objects, clock, datasets, Path("unused"))
    branches.create(datasets.version("flights"), "mend")
    branches.append("flights", "mend", feed(7))

    assert ["flights@3", "flights@2", "flights@1"] == names(forgetting)


def test_tagged_version_stays(forgetting: Forgetting, datasets: Datasets) -> None:
    """A tag holds its version, and no longer the one it has left."""
    datasets.tag(datasets.version("flights", 1), "baseline")
    datasets.tag(datasets.version("flights", 2), "baseline")

    assert ["flights@3", "flights@1"] == names(forgetting)


def test_version_that_a_run_used_stays(forgetting: Forgetting, database: Database, datasets: Datasets) -> None:
    """Its name in any row of any table holds a version; so does its id."""
    with database.write() as connection:
        connection.execute(insert(run_tags).values(run_id="run-1", key="data", value="trained on dataset:flights@1"))
        lineage.record(connection, Micros(0), [Edge("action:a", f"table:{datasets.version('flights', 2).id}", "rows")])

    assert ["flights@3"] == names(forgetting)


def test_version_of_another_name_holds_nothing(forgetting: Forgetting, database: Database) -> None:
    """`late-flights@1` is not `flights@1`, and `flights@12` not either."""
    with database.write() as connection:
        for text in ("late-flights@1", "flights@12"):
            connection.execute(insert(run_tags).values(run_id=text, key="data", value=text))

    assert ["flights@3", "flights@2", "flights@1"] == names(forgetting)


def test_version_that_another_dataset_was_made_of_stays(forgetting: Forgetting, database: Database) -> None:
    """Lineage within a dataset holds nothing, lineage into another does."""
    with database.write() as connection:
        lineage.record(connection, Micros(0), [Edge("dataset:weather@1", "dataset:flights@2", "merged")])

    assert ["flights@3", "flights@1"] == names(forgetting)


def test_forgotten_version_says_so(
    forgetting: Forgetting, datasets: Datasets, database: Database, tmp_path: Path
) -> None:
    """Its row stays, reading it says how to get it back, a fact tells of it, and its objects are roots no more."""
    forgetting.forget(["flights"], 3, actor="me")

    first = datasets.version("flights", 1)
    with pytest.raises(NotFound, match="homeostat data pull flights@1"):
        datasets.read(first)
    with database.read() as connection:
        [told] = ledger.entries(connection, kinds=["version-forgotten"])
    assert ("me", 4) == (told.actor, len(datasets.versions("flights")))
    assert first.manifest not in roots(database, tmp_path / "spool")
    assert [] == forgetting.forget(["flights"], 3, actor="me")


def test_kept_versions_stay_whole(
    forgetting: Forgetting, datasets: Datasets, database: Database, objects: FileObjects, tmp_path: Path
) -> None:
    """After a forgetting, what is still reached is enough for every version that is kept."""
    datasets.append("flights", datasets.read(datasets.version("flights", 1)))
    forgetting.forget(["flights", "weather"], 1, actor="me")
    reached = Mentions(objects).reached(roots(database, tmp_path / "spool"))
    gone = [digest for digest in objects.digests() if digest not in reached]
    for digest in gone:
        objects.path(digest).unlink()

    assert gone
    for name in ("flights", "weather"):
        datasets.verify(datasets.version(name))


def test_the_newest_is_never_forgotten(forgetting: Forgetting) -> None:
    """To keep none is a mistake."""
    with pytest.raises(UserError, match="Keep 1 or more"):
        forgetting.candidates(["flights"], 0)
