"""What differs between two versions of files."""

from pathlib import Path

import pytest

from homeostat.core.clock import FixedClock
from homeostat.core.errors import NotFound
from homeostat.data.diffs.files import FilesDiff
from homeostat.data.retention.forgetting import Forgetting
from homeostat.data.service import Datasets
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects


def paths(diff: FilesDiff) -> tuple[list[str], ...]:
    return tuple([entry.path for entry in side] for side in (diff.added, diff.removed, diff.changed))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    (made / "b").mkdir(parents=True)
    for number in range(40):
        (made / "b" / f"{number:02}").write_text(str(number))
    return made


def test_paths_that_came_went_and_changed(datasets: Datasets, folder: Path) -> None:
    """By path and content; a file written again as it was has not changed."""
    before = datasets.add_files("photos", folder).version
    (folder / "a").write_text("new")
    (folder / "b" / "07").unlink()
    (folder / "b" / "09").write_text("other")
    (folder / "b" / "10").write_text("10")

    diff = datasets.diff_files(before, datasets.add_files("photos", folder).version)

    assert (["a"], ["b/07"], ["b/09"]) == paths(diff)
    assert ["photos 1 -> 2: 1 files added, 1 removed, 1 changed", "  + a", "  - b/07", "  ~ b/09"] == list(diff.lines())


def test_a_review_lists_what_files_were_and_are(datasets: Datasets, folder: Path) -> None:
    """A changed file is listed twice, with both sizes."""
    before = datasets.add_files("photos", folder).version
    (folder / "b" / "09").write_text("longer")

    review = datasets.diff_files(before, datasets.add_files("photos", folder).version).review().polars()

    assert [("before", "b/09", 1), ("after", "b/09", 6)] == review.drop("digest").rows()


def test_a_version_and_itself(datasets: Datasets, folder: Path) -> None:
    """Equal trees are not read."""
    version = datasets.add_files("photos", folder).version

    diff = datasets.diff_files(version, version)

    assert (([], [], []), 0) == (paths(diff), diff.files_read)


def test_a_forgotten_version_says_so(
    datasets: Datasets, database: Database, objects: FileObjects, clock: FixedClock, folder: Path
) -> None:
    """What was given up is not damaged: it can be pulled from a remote."""
    datasets.add_files("photos", folder)
    (folder / "a").write_text("new")
    after = datasets.add_files("photos", folder).version
    Forgetting(database, objects, clock).forget(["photos"], 1, actor="test")

    with pytest.raises(NotFound, match="homeostat data pull photos@1"):
        datasets.diff_files(datasets.version("photos", 1), after)
