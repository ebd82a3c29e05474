"""Branches: lines of a dataset beside the main one, and bringing them together."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.codec.tables import Table
from homeostat.core.clock import FixedClock
from homeostat.core.errors import AlreadyExists, ContractViolated, InvalidName, MergeConflict, NotFound, WrongType
from homeostat.data.branches import Branches
from homeostat.data.contracts.infer import infer
from homeostat.data.files import read_file
from homeostat.data.service import Datasets
from homeostat.store import lineage
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects

Rows = dict[int, float]


@pytest.fixture
def branches(
    database: Database, objects: FileObjects, clock: FixedClock, datasets: Datasets, tmp_path: Path
) -> Branches:
    return Branches(database, objects, clock, datasets, tmp_path / "conflicts")


def table(rows: Rows) -> Table:
    columns = {"id": list(rows), "value": [float(value) for value in rows.values()]}
    return Table.of(pl.DataFrame(columns, schema={"id": pl.Int64, "value": pl.Float64}))


def begun(datasets: Datasets, branches: Branches) -> None:
    """`t` with rows 1 to 3 and the branch `fix` at its only version."""
    datasets.append("t", table({1: 1, 2: 2, 3: 3}))
    branches.create(datasets.version("t"), "fix")


def values(datasets: Datasets, named: str) -> Rows:
    return dict(datasets.read(datasets.find(named)).polars().rows())


def test_an_append_to_a_branch_is_not_on_the_main_line(datasets: Datasets, branches: Branches) -> None:
    """Numbers are one sequence; who asks for no branch sees none."""
    begun(datasets, branches)

    version = branches.append("t", "fix", table({4: 4}))
    datasets.append("t", table({5: 5}))

    assert (2, 1, "fix") == (version.number, version.parent, version.branch)
    assert {1: 1, 2: 2, 3: 3, 5: 5} == values(datasets, "t") == values(datasets, "t@main")
    assert {1: 1, 2: 2, 3: 3, 4: 4} == values(datasets, "t@fix") == values(datasets, "t@2")
    assert [3, 1] == [datasets.version("t").number, datasets.version("t").parent]
    assert [3] == [latest.number for latest in datasets.newest()]


def test_the_main_line_moves_forward(datasets: Datasets, branches: Branches) -> None:
    """Where nothing was done meanwhile, a merge makes no version."""
    begun(datasets, branches)
    branches.append("t", "fix", table({4: 4}))
    version = branches.append("t", "fix", table({5: 5}))

    merge = branches.merge("t", "fix")

    assert ("forward", version.number) == (merge.how, datasets.version("t").number)
    assert {1: 1, 2: 2, 3: 3, 4: 4, 5: 5} == values(datasets, "t")
    assert "nothing" == branches.merge("t", "fix").how
    assert 4 == datasets.append("t", table({6: 6})).version.number


@pytest.mark.parametrize("key", [(), ("id",)])
def test_what_both_lines_added_comes_together(
    datasets: Datasets, branches: Branches, database: Database, key: tuple[str, ...]
) -> None:
    """The new version has both parents, and a branch can be merged again."""
    begun(datasets, branches)
    theirs = branches.append("t", "fix", table({4: 4}))
    ours = datasets.append("t", table({5: 5})).version

    version = branches.merge("t", "fix", key=key).version

    assert {1: 1, 2: 2, 3: 3, 5: 5, 4: 4} == values(datasets, "t")
    assert (ours.number, theirs.number) == (version.parent, version.merged)
    with database.read() as connection:
        above = {edge.parent for edge in lineage.upstream(connection, version.node)}
    assert {ours.node, theirs.node} <= above
    branches.append("t", "fix", table({6: 6}))
    branches.merge("t", "fix", key=key)
    assert {1: 1, 2: 2, 3: 3, 5: 5, 4: 4, 6: 6} == values(datasets, "t")


edits = st.dictionaries(st.integers(1, 6), st.one_of(st.none(), st.integers(7, 8)), max_size=4)


@given(ours=edits, theirs=edits)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_merge_by_key_is_what_a_dict_would_do(
    datasets: Datasets, branches: Branches, ours: dict[int, float | None], theirs: dict[int, float | None]
) -> None:
    """Each key has what one side made of it; where both made something else of it, nothing is changed."""
    base: Rows = {1: 1, 2: 2, 3: 3}

    def done(edits: dict[int, float | None]) -> Rows:
        after = {key: edits.get(key, value) for key, value in (base | edits).items()}
        return {key: value for key, value in after.items() if value is not None}

    ours_done, theirs_done = done(ours), done(theirs)
    changed = [{key for key in range(1, 7) if base.get(key) != side.get(key)} for side in (ours_done, theirs_done)]
    conflicts = {key for key in changed[0] & changed[1] if ours_done.get(key) != theirs_done.get(key)}
    expected = {key: value for key, value in ours_done.items() if key not in changed[1]}
    expected |= {key: theirs_done[key] for key in changed[1] & theirs_done.keys()}
    name = f"d{len(datasets.names())}"
    datasets.append(name, table(base))
    branches.create(datasets.version(name), "ours")
    branches.create(datasets.version(name), "theirs")
    for branch, rows in (("ours", ours_done), ("theirs", theirs_done)):
        branches.replace(name, branch, table(rows))

    if conflicts:
        with pytest.raises(MergeConflict):
            branches.merge(name, "theirs", into="ours", key=("id",))
        expected = ours_done
    else:
        branches.merge(name, "theirs", into="ours", key=("id",))

    assert expected == values(datasets, f"{name}@ours")


def test_conflicts_are_listed_and_saved(datasets: Datasets, branches: Branches) -> None:
    """The message shows rows, both sides of one row together, and the file has them all; nothing is changed."""
    begun(datasets, branches)
    branches.replace("t", "fix", table({1: 1, 2: 20, 3: 30}))
    before = datasets.replace("t", table({1: 1, 2: 21, 3: 31})).version

    with pytest.raises(MergeConflict, match=r"same id. side='ours', id=2, value=21.0; side='theirs', id=2, value=20.0"):
        branches.merge("t", "fix", key=("id",))

    assert before == datasets.version("t")
    [path] = branches._conflicts.iterdir()
    saved = [("ours", 2, 21.0), ("theirs", 2, 20.0), ("ours", 3, 31.0), ("theirs", 3, 30.0)]
    assert saved == read_file(path).polars().rows()


def test_without_a_key_equal_additions_are_a_conflict(datasets: Datasets, branches: Branches) -> None:
    """Whether one row was added twice or two rows once cannot be told from their values; by key it can."""
    begun(datasets, branches)
    branches.append("t", "fix", table({4: 4}))
    datasets.append("t", table({4: 4, 5: 5}))

    with pytest.raises(MergeConflict, match="say --key"):
        branches.merge("t", "fix")

    assert 0 == branches.merge("t", "fix", key=("id",)).version.rows - 5


def test_rows_removed_and_added_without_a_key(datasets: Datasets, branches: Branches) -> None:
    """Of equal rows as many go as one side took away."""
    datasets.append("t", {"n": [1, 1, 2, 3]})
    branches.create(datasets.version("t"), "fix")
    branches.replace("t", "fix", {"n": [1, 2, 9]})
    datasets.replace("t", {"n": [1, 1, 2, 3, 4]})

    branches.merge("t", "fix")

    assert [1, 2, 4, 9] == sorted(datasets.read(datasets.version("t")).polars()["n"])


def test_columns_must_agree(datasets: Datasets, branches: Branches) -> None:
    """Lines with other columns are not merged by guessing."""
    begun(datasets, branches)
    branches.append("t", "fix", table({4: 4}))
    datasets.replace("t", {"id": [1]})

    with pytest.raises(WrongType, match="their columns"):
        branches.merge("t", "fix")


def test_names_are_of_one_thing(datasets: Datasets, branches: Branches) -> None:
    """A label names a branch, a tag, a version or the main line, never two of them."""
    begun(datasets, branches)
    datasets.tag(datasets.version("t"), "gold")

    for taken in ("fix", "gold"):
        with pytest.raises(AlreadyExists, match="has a branch or tag"):
            branches.create(datasets.version("t"), taken)
    for wrong in ("main", "7", "a/b"):
        with pytest.raises(InvalidName, match="cannot be"):
            branches.create(datasets.version("t"), wrong)
    with pytest.raises(AlreadyExists, match="a branch"):
        datasets.tag(datasets.version("t"), "fix")
    with pytest.raises(InvalidName, match="main line"):
        datasets.tag(datasets.version("t"), "main")


def test_a_deleted_branch_leaves_its_versions(datasets: Datasets, branches: Branches) -> None:
    """By their numbers; the name is free again."""
    begun(datasets, branches)
    branches.append("t", "fix", table({4: 4}))

    branches.delete("t", "fix")

    assert {} == branches.all("t")
    assert {1: 1, 2: 2, 3: 3, 4: 4} == values(datasets, "t@2")
    with pytest.raises(NotFound, match=r"no branch 'fix'\. There are: main"):
        branches.merge("t", "fix")
    branches.create(datasets.version("t"), "fix")
    assert {"fix": 1} == {name: version.number for name, version in branches.all("t").items()}


def test_a_branch_is_held_to_the_contract(datasets: Datasets, branches: Branches) -> None:
    """What the contract blocks is not added, and blocks nothing on the main line."""
    begun(datasets, branches)
    datasets.set_contract("t", infer(datasets.read(datasets.version("t")), name="t"))

    with pytest.raises(ContractViolated, match="t@fix"):
        branches.append("t", "fix", {"id": [9]})

    assert ([], 1) == (datasets.blocks(["t"]), branches.head("t", "fix").number)
