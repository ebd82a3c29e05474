"""Pages of datasets, read from a real workspace: what changed, is it sound, who uses it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from homeostat.codec.tables import Table
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound, UserError
from homeostat.data.contracts.infer import infer
from homeostat.store import lineage
from homeostat.store.objects.remote import Location
from homeostat.ui.contexts import DatasetPage, DifferencePage
from homeostat.ui.reading import Reading, differences, versions
from homeostat.ui.render import render
from homeostat.workspace import Config, Project, Workspace

NAME = "prices"


def frame(rows: int = 500) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(rows),
            "city": [("Oslo", "Rome", "Lima")[index % 3] for index in range(rows)],
            "price": [index * 7.5 % 101 for index in range(rows)],
        }
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "project", Config(project=Project(name="shop"))) as made:
        yield made


def page(workspace: Workspace, name: str = NAME, number: int | None = None) -> DatasetPage:
    return Reading(workspace).dataset(name, number=number, before=None, is_profiled=False)


def difference(workspace: Workspace, before: int, after: int, key: str = "", name: str = NAME) -> DifferencePage:
    return Reading(workspace).difference(name, before=before, after=after, key=key)


def test_an_append_is_told_as_one(workspace: Workspace) -> None:
    """Rows added at the end are counted, and their values drawn beside those of the version before."""
    workspace.datasets.append(NAME, Table.of(frame()))
    workspace.datasets.append(NAME, Table.of(frame(20).with_columns(city=pl.lit("Rome"))))
    read = page(workspace)

    assert "20 rows were added at the end; none before changed." == read.change.sentence
    assert "Bars: 20 rows that are new. Outline: the version before." == read.profiled_as
    assert ("city", 1) == (read.columns[1].name, read.columns[1].distinct)
    assert (read.columns[1].drift or 0) > 0.5
    assert "Nothing has used it yet." in read.sentence


def test_an_append_is_told_as_one_when_its_segments_were_merged(workspace: Workspace) -> None:
    """How a version is kept leaves no trace in what its page says."""
    for first in range(0, 90, 10):
        workspace.datasets.append(NAME, Table.of(frame(100)[first : first + 10]))
    workspace.datasets.compact(NAME)

    assert "10 rows were added at the end; none before changed." == page(workspace).change.sentence


def test_columns_that_changed_are_named(workspace: Workspace) -> None:
    """Columns that came, went or hold other values are told from digests alone."""
    workspace.datasets.replace(NAME, Table.of(frame()))
    workspace.datasets.replace(NAME, Table.of(frame().with_columns(price=pl.col("price") + 1)))
    workspace.datasets.replace(NAME, Table.of(frame().drop("price").with_columns(sold=pl.lit(True))))
    changed, other = page(workspace, number=2), page(workspace, number=3)

    assert ["price"] == [pair.name for pair in changed.change.touched]
    assert [("id", ""), ("city", ""), ("price", "values differ")] == [(one.name, one.change) for one in changed.columns]
    assert "New: sold. Gone: price. No value of the other columns changed." == other.change.sentence
    assert [("sold", "new"), ("price", "gone")] == [(one.name, one.change) for one in other.columns[2:]]


def test_a_contract_speaks_of_its_append(workspace: Workspace) -> None:
    """What the contract said of the version shown stands on its page, what was met apart from what was not."""
    workspace.datasets.append(NAME, Table.of(frame()))
    workspace.datasets.set_contract(NAME, infer(Table.of(frame()), name=NAME))
    workspace.datasets.append(NAME, Table.of(frame().with_columns(id=pl.col("id") + 500)))
    first, second = page(workspace, number=1), page(workspace)

    assert first.judgement is None
    assert second.judgement is not None
    assert second.judgement.sentence.startswith("500 rows came and all were accepted; ")
    assert second.judgement.met


def test_files_are_told_by_path(workspace: Workspace, tmp_path: Path) -> None:
    """A version of files shows which came, went and changed, with their sizes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(b"1" * 10)
    workspace.datasets.add_files("photos", folder)
    (folder / "a").unlink()
    (folder / "b").write_bytes(b"2" * 12)
    (folder / "c").write_bytes(b"3")
    workspace.datasets.add_files("photos", folder)
    read = page(workspace, "photos")

    assert (13, "1 file added, 1 removed, 1 changed.") == (read.size, read.change.sentence)
    assert [("-", "a", None, 10), ("~", "b", 12, 10), ("+", "c", 1, None)] == [
        (row.sign, row.path, row.size, row.was) for row in read.change.files
    ]
    assert read.change.files == difference(workspace, 1, 2, name="photos").files
    assert "photos" in render(read)


def test_branches_tags_and_forgotten_versions_are_marked(workspace: Workspace) -> None:
    """Each version carries the names people gave it, and says if its contents were given up."""
    for rows in (10, 20, 30):
        workspace.datasets.replace(NAME, Table.of(frame(rows)))
    workspace.datasets.tag(workspace.datasets.version(NAME, 2), "q1")
    workspace.branches.create(workspace.datasets.version(NAME, 3), "mend")
    workspace.branches.append(NAME, "mend", Table.of(frame(5)))
    workspace.forgetting.forget([NAME], 2, actor="ada")
    read = page(workspace)

    assert [(4, ("branch mend",), False), (3, (), False), (2, ("q1",), False), (1, (), True)] == [
        (version.number, version.labels, version.is_forgotten) for version in read.versions
    ]
    assert 3 == read.version.number
    assert "Contents were given up since." in page(workspace, number=2).change.sentence


def test_what_was_made_of_a_dataset_is_listed(workspace: Workspace) -> None:
    """Models and runs made of any version stand on the page, newest version first, and are counted by version."""
    for rows in (10, 20):
        workspace.datasets.replace(NAME, Table.of(frame(rows)))
    with workspace.database.write() as connection:
        workspace.registry.register(
            connection,
            "shop",
            model=Digest("ab" * 32),
            run_id="run-1",
            data=("dataset:prices@1",),
            code="",
            environment="",
            metrics={},
            by="ada",
        )
        lineage.record(connection, Micros(1), [lineage.Edge("run:run-7", "dataset:prices@2", "input")])
    read = page(workspace)

    assert [("run", "run-7", 2), ("model", "shop v1", 1)] == [(use.what, use.name, use.version) for use in read.uses]
    assert [(2, 1), (1, 1)] == [(version.number, version.uses) for version in read.versions]
    assert "1 model version came of it." in read.sentence


def test_a_directory_remote_is_asked_and_a_server_is_not(workspace: Workspace, tmp_path: Path) -> None:
    """Whether a remote has the version shown is said where a look at a directory tells."""
    for rows in (10, 20):
        workspace.datasets.replace(NAME, Table.of(frame(rows)))
    workspace.add_remote("disk", Location(url=(tmp_path / "remote").as_uri()))
    with Workspace.find(workspace.root) as again:
        again.exchange.push(again.remote(), [again.datasets.version(NAME, 1)], lambda _done, _all: None)
        states = [page(again, number=number).remotes[0].state for number in (1, 2)]

    assert ["met", "breach"] == states


def test_rows_are_shown_on_demand(workspace: Workspace) -> None:
    """By key both sides of a changed row stand together and what differs is marked; without one rows come and go."""
    workspace.datasets.replace(NAME, Table.of(frame()))
    later = (
        frame().with_columns(price=pl.when(pl.col("id") == 7).then(99.5).otherwise("price")).filter(pl.col("id") != 3)
    )
    workspace.datasets.replace(NAME, Table.of(later))
    by_key, plain = difference(workspace, 1, 2, "id"), difference(workspace, 1, 2)

    assert ["before", "after", "removed"] == [row.op for row in by_key.rows]
    assert [False, False, True] == [cell.differs for cell in by_key.rows[1].cells]
    assert "prices 1 to 2: 0 rows added, 1 removed, 1 changed (by key)." == by_key.sentence
    assert ["added", "removed", "removed"] == [row.op for row in plain.rows]
    assert "--key id" in render(by_key)


def test_what_is_too_much_for_a_page_names_the_command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page neither compares nor profiles more rows than it can while somebody waits."""
    workspace.datasets.replace(NAME, Table.of(frame()))
    workspace.datasets.replace(NAME, Table.of(frame()[::-1]))
    monkeypatch.setattr(differences, "_COMPARED", 999)
    monkeypatch.setattr(versions, "_PROFILED_AT_ONCE", 1)

    with pytest.raises(UserError, match="homeostat data diff prices 1 2"):
        difference(workspace, 1, 2)
    assert (True, "") == (page(workspace).is_large, page(workspace).profiled_as)
    assert Reading(workspace).dataset(NAME, number=2, before=None, is_profiled=True).columns[0].is_profiled


def test_a_version_that_is_not_there_is_named(workspace: Workspace) -> None:
    """Asking for a version says which there are."""
    workspace.datasets.append(NAME, Table.of(frame(3)))

    with pytest.raises(NotFound, match="1 to 1"):
        page(workspace, number=9)
