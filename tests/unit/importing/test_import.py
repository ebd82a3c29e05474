"""What an import makes of a source, in any order of interruptions."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from homeostat.core.clock import DAY
from homeostat.core.digests import Digest
from homeostat.core.errors import Unavailable
from homeostat.importing.files import FileStore
from homeostat.importing.ports import Source
from homeostat.importing.records import Report
from homeostat.importing.service import bring
from homeostat.loop.declaration import Declaration, retrain, rollout, window
from homeostat.loop.queries import declare
from homeostat.monitor import setpoint
from homeostat.registry import catalog, gate, logged
from homeostat.registry import queries as registry_queries
from homeostat.store import ledger
from homeostat.store.db.schema.every import metadata
from homeostat.track import experiments, queries
from homeostat.track.records import RunDetail
from homeostat.workspace import Workspace
from unit.importing import stores
from unit.importing.stores import CHURN, DELETED_MODEL, FIRST, GONE_RUN, MODEL, THROWN

SYSTEM = Declaration(
    name="classifier",
    pipeline="pipelines:classifier",
    data={"rows": window(last="56d", on="time")},
    gates=(gate.metric("auc", at_least=0.6),),
    rollout=rollout(),
    setpoints=(setpoint.errors(at_most=0.001),),
    retrain=retrain(),
    entity="id",
    look_every_us=DAY,
)
WHOLE = {
    "experiments": 3,
    "runs": 3,
    "params": 3,
    "tags": 3,
    "metrics": 3,
    "points": 13,
    "datasets": 1,
    "logged models": 2,
    "files": 4,
    "registered models": 1,
    "versions": 2,
    "aliases": 1,
}


def counts(report: Report) -> dict[str, tuple[int, int]]:
    return {one.kind: (one.there, one.here) for one in report.counts}


def run(workspace: Workspace, run_id: str) -> RunDetail:
    with workspace.database.read() as connection:
        return queries.get(connection, run_id)


def rows(workspace: Workspace) -> dict[str, int]:
    """How many rows each table has; the ledger, where each import is told, aside."""
    with workspace.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.tables.values()
            if table.name not in {"ledger", "alias_moves"}
        }


class Stopping:
    """A source that stops answering after some parts of histories and files."""

    def __init__(self, source: Source, parts: int) -> None:
        self._source = source
        self._left = parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def _counted(self, parts: Iterator[Any]) -> Iterator[Any]:
        for part in parts:
            if self._left == 0:
                raise Unavailable("gone")
            self._left -= 1
            yield part

    def history(self, *arguments: Any) -> Iterator[Any]:
        return self._counted(self._source.history(*arguments))

    def content(self, *arguments: Any) -> Iterator[Any]:
        return self._counted(self._source.content(*arguments))


def test_everything_comes_and_is_compared(source: Source, workspace: Workspace) -> None:
    """From each kind of source, deleted things as deleted."""
    report = bring(workspace, source)

    assert () == report.differences
    assert {kind: (count, count) for kind, count in WHOLE.items()} == counts(report)
    first = run(workspace, FIRST)
    assert (stores.PARAMS, stores.TAGS) == (first.params, first.tags)
    assert {name: len(content) for name, content in stores.FILES.items()} == {
        one.name: one.size_bytes for one in first.artifacts
    }
    assert b"two" == workspace.objects.read(
        Digest({one.name: one.digest for one in first.artifacts}["tree/deep/ä b.txt"])
    )
    assert run(workspace, THROWN).run.deleted_at is not None
    assert run(workspace, GONE_RUN).run.deleted_at is not None
    with workspace.database.read() as connection:
        assert experiments.named(connection, "given up").deleted_at == (stores.BEGAN + 9) * 1000
        assert first.run.experiment_id == experiments.named(connection, "churn").id
        odd = queries.series(connection, FIRST, "odd")
        assert [stores.LARGEST] == [value for value in odd.values if not math.isnan(value)]
        assert logged.get(connection, DELETED_MODEL, allow_deleted=True).deleted_at is not None
        version = registry_queries.version(connection, "classifier", 2)
        assert (f"models:/{MODEL}", MODEL, "Production") == (version.source, version.logged_model, version.stage)
        assert {"classifier": {"best": 1}} == catalog.aliases(connection, ["classifier"])
    assert workspace.objects.has(version.model)


def test_a_later_import_brings_nothing_that_is_here(source: Source, workspace: Workspace) -> None:
    """Only the run that goes on there is read again; a recheck reads everything, and doubles nothing."""
    bring(workspace, source)
    before = rows(workspace)

    again = bring(workspace, source)
    rechecked = bring(workspace, source, recheck=True)

    assert (0, 1, 0) == (again.fresh, again.changed, again.bytes)
    assert again.unchanged in {3, 4}  # a server does not tell of the deleted model
    assert {kind: (count, count) for kind, count in WHOLE.items()} == counts(rechecked)
    assert before == rows(workspace)


@pytest.mark.parametrize("parts", range(6))
def test_an_import_goes_on_where_it_was_stopped(files: Path, workspace: Workspace, parts: int) -> None:
    """Wherever that was; nothing is doubled."""
    source = FileStore(files)
    with pytest.raises(Unavailable):
        bring(workspace, Stopping(source, parts))

    report = bring(workspace, source)

    assert {kind: (count, count) for kind, count in WHOLE.items()} == counts(bring(workspace, source, recheck=True))
    assert 0 == report.differing
    with workspace.database.read() as connection:
        assert len(stores.CURVE) == len(queries.series(connection, FIRST, "curve").values)


def test_only_what_is_new_comes(files: Path, workspace: Workspace) -> None:
    """Points, tags and runs that were added there, an alias that was moved, one that is gone, a version that was made."""
    bring(workspace, FileStore(files))
    shutil.copytree(files / CHURN / FIRST, files / CHURN / ("d" * 32))
    with (files / CHURN / FIRST / "metrics" / "curve").open("a") as more:
        more.write("1700000000000 0.125 1\n1700000009000 7.5 99\n")  # the first is there already
    (files / CHURN / FIRST / "tags" / "late").write_text("yes")
    (files / CHURN / FIRST / "artifacts" / "late.txt").write_text("late")
    (files / "models" / "classifier" / "aliases" / "best").unlink()
    (files / "models" / "classifier" / "aliases" / "good").write_text("2")

    report = bring(workspace, FileStore(files))

    assert () == report.differences
    assert (1, 2) == (report.fresh, report.changed)
    assert sum(map(len, stores.FILES.values())) + len(b"late") == report.bytes
    first = run(workspace, FIRST)
    assert "yes" == first.tags["late"]
    assert "late.txt" in {one.name for one in first.artifacts}
    with workspace.database.read() as connection:
        assert [*(step for _, _, step in stores.CURVE), 99] == queries.series(connection, FIRST, "curve").steps
        assert {"classifier": {"good": 2}} == catalog.aliases(connection, ["classifier"])


def test_what_was_said_here_stays(files: Path, workspace: Workspace) -> None:
    """Tags and aliases that people set here are not taken away by a later import."""
    bring(workspace, FileStore(files))
    with workspace.database.write() as connection:
        catalog.move_alias(connection, "classifier", "mine", 2, workspace.clock.now(), by="ann")
        experiments.tag(connection, experiments.named(connection, "churn").id, "here", "too")

    report = bring(workspace, FileStore(files), recheck=True)

    assert 0 == report.differing
    with workspace.database.read() as connection:
        assert {"best": 1, "mine": 2} == catalog.aliases(connection, ["classifier"])["classifier"]
        assert {"team": "a", "here": "too"} == experiments.named(connection, "churn").tags


def test_an_experiment_here_takes_in_those_of_its_name(files: Path, workspace: Workspace) -> None:
    """Its own runs stay, and it stays as it is, though one of its name was deleted there."""
    with workspace.database.write() as connection:
        number = experiments.create(connection, "given up", workspace.clock.now())

    bring(workspace, FileStore(files))

    with workspace.database.read() as connection:
        assert None is experiments.get(connection, number).deleted_at
    assert number == run(workspace, GONE_RUN).run.experiment_id


def test_two_experiments_of_one_name_stay_two(files: Path, workspace: Workspace) -> None:
    """A store of files does not prevent them; here names are unique."""
    meta = files / "2" / "meta.yaml"
    shutil.move(files / ".trash" / "2", files / "2")
    meta.write_text(meta.read_text().replace("given up", "churn"))

    for _ in range(2):
        bring(workspace, FileStore(files))

    with workspace.database.read() as connection:
        names = [experiments.get(connection, run(workspace, id_).run.experiment_id).name for id_ in (FIRST, GONE_RUN)]
    assert {"churn", f"churn ({CHURN})"} == set(names) or {"churn", "churn (2)"} == set(names)


def test_a_renamed_experiment_is_the_same(files: Path, workspace: Workspace) -> None:
    """It takes the new name here."""
    bring(workspace, FileStore(files))
    meta = files / CHURN / "meta.yaml"
    meta.write_text(meta.read_text().replace("churn", "leaving"))

    bring(workspace, FileStore(files))

    with workspace.database.read() as connection:
        assert run(workspace, FIRST).run.experiment_id == experiments.named(connection, "leaving").id


def test_a_file_that_cannot_be_read_is_named_and_comes_later(files: Path, workspace: Workspace) -> None:
    """The rest of its run is here, and the next import goes on with it."""
    path = files / CHURN / FIRST / "artifacts" / "zero"
    path.unlink()
    path.symlink_to(path.parent / "model")  # a folder where a file was
    link = files / CHURN / FIRST / "metrics" / "deep" / "loss"
    link.write_text("1700000000000 what 3\n")

    report = bring(workspace, FileStore(files))
    link.write_text("1700000000000 0.25 3\n")
    path.unlink()
    path.write_bytes(b"")
    mended = bring(workspace, FileStore(files))

    assert {"run"} == {one.kind for one in report.differences}
    assert any("deep/loss" in one.what and "what" in one.what for one in report.differences)
    assert (3, 2) == counts(report)["metrics"]
    assert 0 == mended.differing
    assert {"zero"} <= {one.name for one in run(workspace, FIRST).artifacts}


def test_a_run_of_another_is_not_touched(files: Path, workspace: Workspace) -> None:
    """Ids are unique but by a mistake; that is named, and the run here stays as it is."""
    bring(workspace, FileStore(files))
    meta = files / CHURN / FIRST / "meta.yaml"
    meta.write_text(meta.read_text().replace(f"start_time: {stores.BEGAN}", "start_time: 5"))
    (files / CHURN / FIRST / "tags" / "late").write_text("yes")

    report = bring(workspace, FileStore(files))

    assert [("run", FIRST)] == [(one.kind, one.id) for one in report.differences]
    assert "late" not in run(workspace, FIRST).tags


def test_a_version_of_another_store_is_not_overwritten(files: Path, workspace: Workspace, tmp_path: Path) -> None:
    """Two stores may have a model of one name: the numbers of the first stay its own."""
    bring(workspace, FileStore(files))
    other = tmp_path / "other"
    shutil.copytree(files, other)
    meta = other / "models" / "classifier" / "version-1" / "meta.yaml"
    meta.write_text(meta.read_text().replace(str(stores.BEGAN + 1), str(stores.BEGAN + 77)))

    report = bring(workspace, FileStore(other))

    assert ["classifier@1"] == [one.id for one in report.differences]
    assert (2, 1) == counts(report)["versions"]
    with workspace.database.read() as connection:
        assert (stores.BEGAN + 1) * 1000 == registry_queries.version(connection, "classifier", 1).created_at


def test_a_number_that_was_given_there_is_not_given_again(files: Path, workspace: Workspace) -> None:
    """Version 3 was deleted there; the next one here is 4."""
    bring(workspace, FileStore(files))

    with workspace.database.write() as connection:
        assert 4 == catalog.next_number(connection, "classifier", workspace.clock.now())


def test_a_version_without_files_is_named(files: Path, workspace: Workspace) -> None:
    """It comes with the address it has, and is told to be no more than that."""
    meta = files / "models" / "classifier" / "version-1" / "meta.yaml"
    meta.write_text(meta.read_text().replace(f"runs:/{FIRST}/model", "file:///elsewhere/model"))

    report = bring(workspace, FileStore(files))

    assert [("version", "classifier@1")] == [(one.kind, one.id) for one in report.differences]
    assert "file:///elsewhere/model" in report.differences[0].what


@pytest.mark.parametrize(
    "address",
    [
        f"mlflow-artifacts:/{CHURN}/{FIRST}/artifacts/model",
        f"s3://bucket/artifacts/{CHURN}/{FIRST}/artifacts/model",
        f"/srv/artifacts/x/{CHURN}/{FIRST}/artifacts/model",
    ],
)
def test_a_version_is_found_where_its_files_are_now(files: Path, workspace: Workspace, address: str) -> None:
    """Whatever address it had there, it names the run here."""
    meta = files / "models" / "classifier" / "version-1" / "meta.yaml"
    meta.write_text(meta.read_text().replace(f"runs:/{FIRST}/model", address))

    report = bring(workspace, FileStore(files))

    assert 0 == report.differing
    with workspace.database.read() as connection:
        assert f"runs:/{FIRST}/model" == registry_queries.version(connection, "classifier", 1).source


def test_a_dry_run_writes_nothing(source: Source, workspace: Workspace) -> None:
    """It says what would come; after an import nothing would."""
    before = rows(workspace)

    planned = bring(workspace, source, dry_run=True)
    assert before == rows(workspace)
    bring(workspace, source)
    after = bring(workspace, source, dry_run=True)

    told = counts(planned)
    assert ((3, 0), (3, 0), (2, 0)) == (told["runs"], told["params"], told["versions"])
    assert sum(map(len, stores.FILES.values())) + len(b"flavors: {a: b}") == planned.bytes
    assert (0, 1) == (after.fresh, after.changed)


def test_an_import_is_told_to_the_ledger(files: Path, workspace: Workspace) -> None:
    """Once, with what came."""
    report = bring(workspace, FileStore(files))

    with workspace.database.read() as connection:
        (entry,) = ledger.entries(connection, kinds=["store-imported"])
    assert f'"fresh":{report.fresh}' in entry.body


def test_a_system_of_ours_is_not_given_foreign_versions(files: Path, workspace: Workspace) -> None:
    """Versions of a declared system pass gates: one of its name there is named, and stays there."""
    with workspace.database.write() as connection:
        declare(connection, SYSTEM, workspace.clock.now())

    report = bring(workspace, FileStore(files))

    assert [("registered model", "classifier")] == [(one.kind, one.id) for one in report.differences]


def test_files_are_fetched_once(files: Path, workspace: Workspace) -> None:
    """A run of which a tag changed does not send its files again."""
    bring(workspace, FileStore(files))
    (files / CHURN / FIRST / "tags" / "late").write_text("yes")

    report = bring(workspace, FileStore(files))

    assert (1 + 1, 0) == (report.changed, report.bytes)
    assert (3, 3) == counts(report)["files"]
