"""Whole tables from files: one id by any route, nothing written twice, and only new lines read."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, CorruptObject, NotFound, WrongType
from homeostat.data.contracts.contract import Contract
from homeostat.data.files import READERS
from homeostat.data.service import Datasets
from homeostat.data.suffixes import TABLE_SUFFIXES
from homeostat.store.objects import FileObjects

FRAME = pl.DataFrame(
    {
        "id": range(3_000),
        "at": pl.datetime_range(pl.datetime(2013, 1, 1), pl.datetime(2013, 1, 1, 0, 49, 59), "1s", eager=True),
        "carrier": [("AA", "B6", None)[row % 3] for row in range(3_000)],
        "delay": [None if row % 7 == 0 else row / 8 for row in range(3_000)],
        "is_late": [row % 5 == 0 for row in range(3_000)],
    }
)


def add(datasets: Datasets, path: Path, name: str = "flights") -> str:
    return datasets.import_file(name, path, replace=True).version.id


ROUTES: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda path: FRAME.with_columns(pl.col("at").dt.to_string("iso")).write_csv(path),
    "b.parquet": FRAME.write_parquet,
    "c.parquet": lambda path: pq.write_table(FRAME.to_arrow(), path, row_group_size=100, version="1.0"),
    "d.parquet": lambda path: FRAME.to_pandas().to_parquet(path),
    "e.arrow": lambda path: FRAME.with_columns(pl.col("carrier").cast(pl.Categorical)).write_ipc(path),
    "f.feather": lambda path: pyarrow.feather.write_feather(FRAME.to_arrow(), path, chunksize=7),
}


def test_any_file_of_the_same_rows_is_the_same_version(datasets: Datasets, tmp_path: Path) -> None:
    """CSV, Parquet of several writers, Arrow with dictionaries and small chunks: one id, one version."""
    found = set()
    for name, write in ROUTES.items():
        write(tmp_path / name)
        found.add(add(datasets, tmp_path / name))

    assert {Table.of(FRAME).digest} == found
    assert 1 == datasets.version("flights").number


def test_a_type_that_changes_late_is_that_of_the_whole(datasets: Datasets, tmp_path: Path) -> None:
    """A file is read in the types of its beginning at first; the id does not show it."""
    numbers = ["1"] * 590_000 + ["x"] + ["1"] * 910_000
    (tmp_path / "t.csv").write_text("\n".join(["v", *numbers]) + "\n")

    assert Table.of({"v": numbers}).digest == add(datasets, tmp_path / "t.csv")


@given(edges=st.lists(st.integers(0, 3_000), max_size=6).map(sorted))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batches_and_appends_are_an_import(datasets: Datasets, edges: list[int]) -> None:
    """Rows in batches cut anywhere, or in appends, before and after their segments are merged, are one table."""
    rows = Table.of(FRAME).arrow()
    batches = [rows.slice(low, high - low) for low, high in pairwise([0, *edges, 3_000])]
    name = f"d{len(datasets.names())}"
    reader = pa.RecordBatchReader.from_batches(rows.schema, [one for part in batches for one in part.to_batches()])

    streamed = datasets.import_batches(f"{name}s", reader, source="stream").version
    for part in batches:
        appended = datasets.append(f"{name}a", part).version
    datasets.compact(f"{name}a")

    assert {Table.of(FRAME).digest} == {streamed.id, appended.id, datasets.read(datasets.version(f"{name}a")).digest}


def test_the_same_file_is_no_new_version(datasets: Datasets, tmp_path: Path, objects: FileObjects) -> None:
    """Its bytes are known again: nothing is read as a table, nothing is written."""
    path = tmp_path / "a.csv"
    ROUTES["a.csv"](path)
    first = datasets.import_file("flights", path, replace=True)
    before = set(objects.digests())

    again = datasets.import_file("flights", path, replace=True)

    assert (False, 0, first.version) == (again.is_new, again.bytes_added, again.version)
    assert before == set(objects.digests())


def test_bytes_added_are_those_of_the_store(datasets: Datasets, tmp_path: Path, objects: FileObjects) -> None:
    """What an import says it wrote is what the store grew by."""
    path = tmp_path / "a.parquet"
    for rows in (FRAME, pl.concat([FRAME, FRAME[:100]]), FRAME.with_columns(delay=pl.lit(1.5))):
        rows.write_parquet(path)
        before = sum(objects.path(one).stat().st_size for one in objects.digests())

        added = datasets.import_file("flights", path, replace=True).bytes_added

        assert sum(objects.path(one).stat().st_size for one in objects.digests()) - before == added > 0


def test_a_version_that_came_back_is_new(datasets: Datasets, tmp_path: Path) -> None:
    """A file that returns to what it was two versions ago is the third version."""
    path = tmp_path / "a.parquet"
    for rows in (FRAME, FRAME[:10], FRAME):
        rows.write_parquet(path)
        add(datasets, path)

    first, third = datasets.version("flights", 1), datasets.version("flights")

    assert (3, first.id) == (third.number, third.id)


lines = st.sampled_from(
    ["1,a", "2,", ",b", '3,"x\ny"', "NA,NA", "4.5,c", "x,d", "1234567890123456,e", "2013-01-01,01", ",", "7,7"]
)


@given(first=st.lists(lines, max_size=6), more=st.lists(lines, min_size=1, max_size=4), end=st.sampled_from(["", "\n"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_grown_file_has_the_id_of_the_whole(
    datasets: Datasets, tmp_path: Path, first: list[str], more: list[str], end: str
) -> None:
    """Reading only the new lines gives what reading all of them gives, whatever types they bring."""
    name, path = f"d{len(datasets.names())}", tmp_path / "grown.csv"
    path.write_text("\n".join(["n,s", *first]) + end)
    add(datasets, path, name)
    with path.open("a") as file:
        file.write(("" if end else "\n") + "\n".join(more) + "\n")

    grown = add(datasets, path, name)

    assert add(datasets, path, f"{name}w") == grown == datasets.read(datasets.version(name)).digest


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_only_new_lines_are_read(
    datasets: Datasets, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines that were imported before are hashed, not parsed."""
    path = tmp_path / f"a{suffix}"
    write = FRAME.drop("at").write_csv if suffix == ".csv" else FRAME.drop("at").write_ndjson
    write(path)
    add(datasets, path)
    content = path.read_bytes()
    path.write_bytes(content + b"".join(content.splitlines(keepends=True)[2:32]))

    def never(_: Path) -> None:
        raise AssertionError

    monkeypatch.setattr("homeostat.data.imports.read_batches", never)
    version = datasets.import_file("flights", path, replace=True).version

    assert (3_030, 30, 1) == (version.rows, version.rows_added, version.parent)


def test_a_file_that_changed_before_its_end_is_read_whole(datasets: Datasets, tmp_path: Path) -> None:
    """A longer file that does not begin with the imported one is another one."""
    path = tmp_path / "a.csv"
    path.write_text("n\n1\n2\n")
    add(datasets, path)
    path.write_text("n\n1\n3\n4\n")

    add(datasets, path)

    assert [1, 3, 4] == datasets.read(datasets.version("flights")).polars()["n"].to_list()


def test_a_broken_line_is_named_by_its_place_in_the_file(datasets: Datasets, tmp_path: Path) -> None:
    """Also if only new lines were read first; and nothing was added."""
    path = tmp_path / "a.csv"
    path.write_text("n,m\n1,1\n2,2\n")
    add(datasets, path)
    path.write_text("n,m\n1,1\n2,2\n3\n")

    with pytest.raises(BadData, match="#4"):
        add(datasets, path)

    assert 1 == datasets.version("flights").number


def test_progress_is_told(datasets: Datasets, tmp_path: Path) -> None:
    """Whoever waits learns how many rows are done."""
    FRAME.write_parquet(tmp_path / "a.parquet")
    told: list[int] = []

    datasets.import_file("flights", tmp_path / "a.parquet", replace=True, progress=told.append)

    assert 3_000 == told[-1]


def test_a_contract_is_held_whatever_the_route(datasets: Datasets, tmp_path: Path) -> None:
    """A file for a dataset with a contract is validated before it is added."""
    FRAME.write_parquet(tmp_path / "a.parquet")
    datasets.set_contract("flights", Contract(name="open", expectations=()))

    added = datasets.import_file("flights", tmp_path / "a.parquet", replace=True)

    assert added.report is not None
    assert 3_000 == added.report.rows


def test_importing_again_brings_back_what_was_lost(datasets: Datasets, tmp_path: Path, objects: FileObjects) -> None:
    """An object that is gone is written again, and the version can be read."""
    FRAME.write_parquet(tmp_path / "a.parquet")
    version = datasets.import_file("flights", tmp_path / "a.parquet", replace=True).version
    for digest in set(objects.digests()) - {version.manifest}:
        objects.path(digest).unlink()

    again = datasets.import_file("flights", tmp_path / "a.parquet", replace=True)

    assert not again.is_new
    datasets.verify(datasets.version("flights"))


def test_files_are_refused_in_place_of_tables(datasets: Datasets, tmp_path: Path) -> None:
    """A dataset holds files or a table; a file that is not there is said to be so."""
    (tmp_path / "a.csv").write_text("n\n1\n")
    datasets.add_files("raw", tmp_path / "a.csv")

    with pytest.raises(WrongType, match="'raw' holds files"):
        add(datasets, tmp_path / "a.csv", "raw")
    with pytest.raises(NotFound, match="There is no file"):
        add(datasets, tmp_path / "b.csv")


def test_batches_are_read_one_by_one(datasets: Datasets) -> None:
    """Together they are the table, in the columns asked for."""
    for first in range(0, 3_000, 1_000):
        version = datasets.append("flights", FRAME[first : first + 1_000]).version

    parts = list(datasets.batches(version, ["delay", "id"]))

    assert [1_000] * 3 == [part.num_rows for part in parts]
    assert Table.of(FRAME.select("delay", "id")) == Table.of(pa.concat_tables(parts))


class TestCompaction:
    def test_small_segments_are_merged(self, datasets: Datasets) -> None:
        """Merging changes how the newest version is kept, and neither its id nor its rows."""
        for row in range(5):
            before = datasets.append("flights", {"n": [row]}).version

        assert datasets.compact("flights")

        after = datasets.version("flights")
        assert (before.id, 1) == (after.id, len(list(datasets.batches(after))))
        assert before.manifest != after.manifest
        assert list(range(5)) == datasets.read(after).polars()["n"].to_list()
        datasets.verify(after)

    def test_old_versions_stay_as_they_are(self, datasets: Datasets) -> None:
        """What came before is read from the segments it always had."""
        for row in range(5):
            datasets.append("flights", {"n": [row]})
        datasets.compact("flights")

        assert [0, 1, 2] == datasets.read(datasets.version("flights", 3)).polars()["n"].to_list()

    def test_nothing_to_merge_is_nothing_done(self, datasets: Datasets) -> None:
        """One segment is as few as there can be."""
        before = datasets.append("flights", {"n": [1]}).version

        assert not datasets.compact("flights")
        assert before == datasets.version("flights")

    def test_appends_merge_now_and_then(self, datasets: Datasets, monkeypatch: pytest.MonkeyPatch) -> None:
        """Small segments never pile up beyond a number, and the next append goes on from what was merged."""
        monkeypatch.setattr("homeostat.data.compaction.PILE", 8)
        for row in range(11):
            version = datasets.append("flights", {"n": [row]}).version

        assert 4 == len(list(datasets.batches(version)))
        assert Table.of({"n": range(11)}).digest == version.id

    def test_an_append_in_between_wins(self, datasets: Datasets) -> None:
        """A merge that another was faster than changes nothing."""
        for row in range(3):
            version = datasets.append("flights", {"n": [row]}).version
        content = datasets._versions.manifest(version)
        newest = datasets.append("flights", {"n": [3]}).version

        assert not datasets._compaction.compact(version, content)
        assert newest == datasets.version("flights")


def test_each_flipped_byte_is_found(datasets: Datasets, tmp_path: Path, objects: FileObjects) -> None:
    """A byte of any object of a table, rows or manifest: verifying the version names object and version."""
    rows = Table.of(FRAME).arrow()
    datasets.append("flights", rows.slice(0, 1_000))
    version = datasets.replace("flights", rows.slice(0, 1_000).append_column("n", pa.array(range(1_000)))).version
    datasets.verify(version)
    random = np.random.default_rng(0)
    for digest in {version.manifest, *datasets._versions.manifest(version).objects}:
        path = objects.path(digest)
        content = bytearray(path.read_bytes())
        for at in random.integers(0, len(content), 3):
            content[at] ^= 1
            path.write_bytes(content)
            with pytest.raises(CorruptObject, match=rf"dataset:flights@2 .*{digest[:8]}"):
                datasets.verify(version)
            content[at] ^= 1
        path.write_bytes(content)
    datasets.verify(version)


def test_the_command_knows_the_kinds_of_table_files() -> None:
    """`data add` takes as tables what can be read as one."""
    assert set(READERS) == TABLE_SUFFIXES


_ADDER = """
import sys, time
from pathlib import Path
from homeostat.core.clock import WallClock
from homeostat.data.service import Datasets
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects

root, who = Path(sys.argv[1]), sys.argv[2]
datasets = Datasets(Database(f"sqlite:///{root / 'data.db'}"), FileObjects(root / "objects"), WallClock(), root / "stat")
(root / f"ready-{who}").touch()
while len(list(root.glob("ready-*"))) < 2:
    time.sleep(0.001)
for n in range(4):
    path = root / f"{who}-{n}.csv"
    path.write_text(f"who,n\\n{who},{n}\\n")
    datasets.import_file("flights", path, replace=True)
    datasets.import_file("rows", path)
"""


def test_two_processes_add_at_once(tmp_path: Path, datasets: Datasets) -> None:
    """Whole tables and appended ones: each is a version, and none is lost."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _ADDER, str(tmp_path)]
    processes = [subprocess.Popen([*command, who], env=environment) for who in ("ana", "bo")]

    assert [0, 0] == [process.wait(timeout=120) for process in processes]

    everyone = {(who, n) for who in ("ana", "bo") for n in range(4)}
    whole = [datasets.read(version).polars().rows() for version in datasets.versions("flights")]
    rows = datasets.read(datasets.version("rows"))
    assert sorted(everyone) == sorted(row for rows in whole for row in rows)
    assert everyone == set(rows.polars().rows())
    assert (8, rows.digest) == (rows.rows, datasets.version("rows").id)
