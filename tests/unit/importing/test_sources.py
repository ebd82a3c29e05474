"""Every source tells the same small store alike."""

import math
from pathlib import Path

import httpx
import pytest

from homeostat.core.errors import BadData, NotFound, Unavailable, UserError
from homeostat.importing import comparison
from homeostat.importing.database import DatabaseStore
from homeostat.importing.files import FileStore
from homeostat.importing.places import Folder
from homeostat.importing.ports import Source
from homeostat.importing.records import Experiment, File, Model, Owner, Registered, Run, Unreadable
from homeostat.importing.server import Server
from homeostat.importing.service import open_source
from homeostat.track.blocks import join
from unit.importing import stores
from unit.importing.stores import CHURN, DELETED_MODEL, FIRST, GONE_RUN, MODEL, THROWN


def runs(source: Source, experiment: str = CHURN) -> dict[str, Run]:
    found = list(source.runs(experiment))
    return {run.id: run for run in found if isinstance(run, Run)}


def listed(source: Source, owner: Owner) -> list[File]:
    return [file for file in source.files(owner) if isinstance(file, File)]


def models(source: Source) -> dict[str, Model]:
    return {one.id: one for one in source.models(CHURN) if isinstance(one, Model)}


def test_experiments_are_told_with_tags_and_state(source: Source) -> None:
    """Deleted ones too."""
    found = {one.id: one for one in source.experiments() if isinstance(one, Experiment)}

    assert {"0": "Default", CHURN: "churn", "2": "given up"} == {one.id: one.name for one in found.values()}
    assert ["2"] == [one.id for one in found.values() if one.is_deleted]
    assert {"team": "a"} == found[CHURN].tags
    assert (stores.BEGAN + 1) * 1000 == found[CHURN].updated_at


def test_a_run_is_told_whole(source: Source) -> None:
    """Params and keys with `/`, tags of several lines, inputs, outputs, times in microseconds."""
    run = runs(source)[FIRST]

    assert (stores.PARAMS, stores.TAGS) == (run.params, run.tags)
    assert ("first", "ann", "finished", False) == (run.name, run.user, run.status, run.is_deleted)
    assert (stores.BEGAN * 1000, (stores.BEGAN + 5) * 1000) == (run.started_at, run.finished_at)
    assert stores.HISTORIES.keys() == {one.key for one in run.metrics}
    assert [("rows", "ed06fe9c", "code", "{}", "s", "p", {"mlflow.data.context": "training"})] == [
        (one.name, one.digest, one.source_type, one.source, one.schema, one.profile, one.tags) for one in run.datasets
    ]
    assert {(MODEL, 2), (DELETED_MODEL, 0)} == {(one.model_id, one.step) for one in run.outputs}


def test_deleted_and_running_runs_are_told(source: Source) -> None:
    """A run of a deleted experiment too; a run that goes on has no end."""
    assert runs(source)[THROWN].is_deleted
    going_on = runs(source, "2")[GONE_RUN]
    assert ("running", None, True) == (going_on.status, going_on.finished_at, going_on.is_deleted)


def test_histories_keep_steps_times_and_odd_values(source: Source) -> None:
    """NaN stays NaN, steps may be negative, and pages are put together."""
    run = runs(source)[FIRST]

    curve = join(list(source.history(run, "curve")))
    odd = comparison.settled(join(list(source.history(run, "odd"))))

    assert [(at * 1000, value, step) for at, value, step in stores.CURVE] == list(
        zip(curve.at.tolist(), curve.values.tolist(), curve.steps.tolist(), strict=True)
    )
    assert [-1, 0] == odd.steps.tolist()
    assert stores.LARGEST == odd.values[0]
    assert math.isnan(odd.values[1])
    assert [0.25] == join(list(source.history(run, "deep/loss"))).values.tolist()


def test_logged_models_are_told_with_their_metrics(source: Source) -> None:
    """With the dataset a metric was measured on; a deleted one is told at least when it is asked for."""
    found = models(source)
    deleted = found.get(DELETED_MODEL) or source.model(DELETED_MODEL)

    assert ("net", "ready", FIRST, {"c": "1"}, {"k": "v"}) == (
        found[MODEL].name,
        found[MODEL].status,
        found[MODEL].source_run_id,
        found[MODEL].params,
        found[MODEL].tags,
    )
    (metric,) = found[MODEL].metrics
    assert ("auc", 0.75, 2, "eval", "d1") == (
        metric.key,
        metric.value,
        metric.step,
        metric.dataset_name,
        metric.dataset_digest,
    )
    assert deleted is not None
    assert deleted.is_deleted


def test_the_registry_is_told_without_deleted_versions(source: Source) -> None:
    """Prompts are no models."""
    (found,) = source.registered()

    assert isinstance(found, Registered)
    assert ("classifier", "what it is", {"team": "a"}, {"best": 1}) == (
        found.name,
        found.description,
        found.tags,
        found.aliases,
    )
    assert [(1, "None", "the first", {"x": "y"}), (2, "Production", "", {})] == [
        (one.number, one.stage, one.description, one.tags) for one in found.versions
    ]


def test_files_are_listed_and_read(source: Source) -> None:
    """Of runs and of models, with sizes, in any depth."""
    run, model = runs(source)[FIRST], models(source)[MODEL]
    owner, of_model = Owner("run", run.id, run.root), Owner("model", model.id, model.root)

    found = listed(source, owner)

    assert {name: len(content) for name, content in stores.FILES.items()} == {
        file.name: file.size_bytes for file in found
    }
    assert stores.FILES == {file.name: b"".join(source.content(owner, file.name)) for file in found}
    assert ["MLmodel"] == [file.name for file in listed(source, of_model)]
    assert b"flavors: {a: b}" == b"".join(source.content(of_model, "MLmodel"))
    thrown = runs(source)[THROWN]
    assert [] == list(source.files(Owner("run", thrown.id, thrown.root)))


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "a: [",
        "!!python/object/apply:os.system ['touch /tmp/pwned']",
        "- 1",
        "a: " + "[" * 200_000 + "]" * 200_000,
        "a: &a [x, x]\nb: &b [*a, *a]\nname: [*b, *b]",
    ],
    ids=["open", "open list", "call", "list", "deep", "of itself"],
)
def test_a_record_that_is_none_is_named_and_runs_nothing(files: Path, told: str) -> None:
    """The others are told all the same."""
    (files / CHURN / FIRST / "meta.yaml").write_text(told)

    found = list(FileStore(files).runs(CHURN))

    bad = [one for one in found if isinstance(one, Unreadable)]
    assert [("run", FIRST)] == [(one.kind, one.id) for one in bad]
    assert "meta.yaml" in bad[0].why
    assert [THROWN] == [one.id for one in found if isinstance(one, Run)]


def test_a_link_out_of_the_artifacts_is_not_followed(files: Path, tmp_path: Path) -> None:
    """What a run did not log is not brought over."""
    (tmp_path / "secret").write_text("s")
    (files / CHURN / FIRST / "artifacts" / "link").symlink_to(tmp_path / "secret")

    found = list(Folder(files / CHURN / FIRST / "artifacts").files())

    assert [("link", "It leads out of its folder, and is not followed.")] == [
        (one.id, one.why) for one in found if isinstance(one, Unreadable)
    ]
    assert len(stores.FILES) == sum(isinstance(one, File) for one in found)


def test_a_database_is_not_written(tmp_path: Path) -> None:
    """It may belong to a server in use: not even a journal appears beside it."""
    path = stores.database(tmp_path / "mlflow.db", "")
    path.chmod(0o444)
    before = (path.read_bytes(), sorted(tmp_path.iterdir()))

    source = DatabaseStore(path)
    list(source.experiments())
    source.close()

    assert before == (path.read_bytes(), sorted(tmp_path.iterdir()))
    assert {"traces": 1} == source.left_out()


def test_artifacts_of_a_proxy_are_asked_for(tmp_path: Path) -> None:
    """A database does not know where its server keeps them."""
    source = DatabaseStore(stores.database(tmp_path / "mlflow.db", "mlflow-artifacts:"))

    with pytest.raises(BadData, match="--artifacts"):
        list(source.files(Owner("run", FIRST, f"mlflow-artifacts:/{CHURN}/{FIRST}/artifacts")))
    source.close()


def test_a_server_elsewhere_is_not_believed_about_files_of_this_machine(tmp_path: Path) -> None:
    """It tells a path of ours as the root of a run; the files are asked of it instead."""
    (tmp_path / "id_rsa").write_text("secret")
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"files": [{"path": "a.txt", "is_dir": False, "file_size": 1}]})

    far = Server("http://far.example", transport=httpx.MockTransport(answer))
    near = Server("http://127.0.0.1:5000", transport=httpx.MockTransport(answer))
    owner = Owner("run", FIRST, str(tmp_path))

    assert ["a.txt"] == [file.name for file in listed(far, owner)]
    assert ["/api/2.0/mlflow/artifacts/list"] == asked
    assert ["id_rsa"] == [file.name for file in listed(near, owner)]


@pytest.mark.parametrize("name", ["..", "a\\b", "x" * 2000])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """A server names its files, and is not trusted with more."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"files": [{"path": name, "is_dir": False, "file_size": 1}]})

    source = Server("http://there", transport=httpx.MockTransport(answer))

    (found,) = source.files(Owner("run", FIRST, f"mlflow-artifacts:/0/{FIRST}/artifacts"))

    assert isinstance(found, Unreadable)


@pytest.mark.parametrize(
    ("status", "content", "error", "says"),
    [
        (401, "", UserError, "MLFLOW_TRACKING_USERNAME"),
        (404, "<html>", NotFound, "MLFLOW_TRACKING_URI"),
        (200, "<html>", UserError, "is no server of MLflow"),
        (200, "[" * 100_000 + "]" * 100_000, UserError, "is no server of MLflow"),
        (400, '{"message": "no such view"}', BadData, "no such view"),
    ],
)
def test_an_answer_that_is_none_says_what_to_do(status: int, content: str, error: type[Exception], says: str) -> None:
    """Whatever listens there."""
    source = Server("http://there", transport=httpx.MockTransport(lambda _: httpx.Response(status, text=content)))

    with pytest.raises(error, match=says):
        list(source.experiments())


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that does not answer at all is named, without the password."""
    monkeypatch.setattr("homeostat.importing.server._PAUSE_S", 0.0)
    answers = [httpx.Response(503), httpx.Response(429), httpx.Response(200, json={})]
    source = Server("http://there", transport=httpx.MockTransport(lambda _: answers.pop(0)))
    assert [] == list(source.experiments())

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    silent = Server("http://ann:secret@there:5000", transport=httpx.MockTransport(refuse))
    with pytest.raises(Unavailable, match="http://there:5000 does not answer") as found:
        list(silent.experiments())
    assert "secret" not in str(found.value)


def test_addresses_that_are_none_are_refused(tmp_path: Path) -> None:
    """With what to give instead."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no database")
    with pytest.raises(NotFound, match="no folder"):
        open_source(str(tmp_path / "absent"))
    with pytest.raises(NotFound, match="no file"):
        open_source(f"sqlite:///{tmp_path}/absent.db")
    with pytest.raises(BadData, match="no file store"):
        open_source(str(tmp_path / "empty"))
    with pytest.raises(BadData, match="cannot be read as a database"):
        open_source(str(tmp_path / "text"))
    with pytest.raises(BadData, match="mlflow server --backend-store-uri"):
        open_source("postgresql://host/db")


def test_a_store_that_was_moved_finds_its_artifacts(files: Path, tmp_path: Path) -> None:
    """Addresses in it are of where it was; an address of a bucket holds wherever it is."""
    (run,) = (one for one in FileStore(files).runs(CHURN) if isinstance(one, Run) and one.id == FIRST)
    assert (files / CHURN / FIRST / "artifacts").as_uri() == run.root
    meta = files / CHURN / FIRST / "meta.yaml"
    meta.write_text(meta.read_text().replace("file:///moved/from", "s3://bucket"))
    (run,) = (one for one in FileStore(files).runs(CHURN) if isinstance(one, Run) and one.id == FIRST)
    assert f"s3://bucket/{CHURN}/{FIRST}/artifacts" == run.root


def test_artifacts_that_are_not_there_are_counted(tmp_path: Path) -> None:
    """A run without any has no folder, as one whose artifacts are elsewhere: who imports must look."""
    source = DatabaseStore(stores.database(tmp_path / "mlflow.db", str(tmp_path / "nowhere")))

    for run in source.runs(CHURN):
        assert isinstance(run, Run)
        assert [] == list(source.files(Owner("run", run.id, run.root)))

    assert 2 == source.left_out()["runs and models without a folder of artifacts"]
    source.close()
