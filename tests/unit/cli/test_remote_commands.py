import os
import time
from pathlib import Path

import pytest

from command_line import Call, frame
from homeostat.core.digests import Digest
from homeostat.store.objects import FileObjects
from homeostat.workspace import Config, Project, Store, Workspace


@pytest.fixture
def remote(call: Call, project: Path, tmp_path: Path) -> str:
    """The project has a remote in a directory; its address."""
    url = (tmp_path / "a disk").as_uri()
    assert 0 == call("data", "remote", "add", "disk", url).code
    return url


def old_garbage(root: Path) -> Digest:
    """An object that nothing needs, and nobody has wanted for a month."""
    objects = FileObjects(root / ".homeostat" / "objects")
    digest = objects.put(b"of a killed add")
    at = time.time() - 30 * 86_400
    os.utime(objects.path(digest), (at, at))
    return digest


def two_versions() -> None:
    """The dataset `plain` in two versions that share no rows, without a contract."""
    with Workspace.find() as workspace:
        for version in (frame(60), frame(50).with_columns(distance=0.5)):
            workspace.datasets.replace("plain", version)


def test_remotes_stand_in_the_configuration(call: Call, project: Path, remote: str) -> None:
    """Adding and removing changes that table only: comments and all else stay."""
    before = Path("homeostat.toml").read_text()
    Path("homeostat.toml").write_text("# ours\n" + before)

    added = call("data", "remote", "add", "team.s3", "s3://models/x", "--endpoint", "http://127.0.0.1:9", "--json")
    listed = call("data", "remote", "list", "--json").json["remotes"]
    removed = call("data", "remote", "remove", "team.s3")

    assert (0, 0) == (added.code, removed.code)
    assert {"remote": "team.s3", "url": "s3://models/x", "endpoint": "http://127.0.0.1:9", "region": ""} == listed[1]
    assert "# ours\n" + before == Path("homeostat.toml").read_text()
    assert [remote] == [one["url"] for one in call("data", "remote", "list", "--json").json["remotes"]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "disk", "s3://models"), 2, "Remove it first"),
        (("add", "x", "s3://key:secret@models"), 2, "Secrets stay out"),
        (("add", "x", "ftp://models"), 2, "file:///path/to/directory or s3://bucket/prefix"),
        (("add", "../x", "s3://models"), 2, "cannot be the name of a remote"),
        (("remove", "x"), 3, "There are: disk"),
    ],
)
def test_what_cannot_be_a_remote(
    call: Call, project: Path, remote: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """A remote that cannot be is refused with the reason, and nothing is written."""
    before = Path("homeostat.toml").read_text()

    answer = call("data", "remote", *arguments)

    assert code == answer.code
    assert said in answer.err
    assert "secret@" not in answer.err
    assert before == Path("homeostat.toml").read_text()


def test_push_and_pull(call: Call, project: Path, remote: str, tmp_path: Path) -> None:
    """What one copy of the project pushes, another pulls: named by number, or all of it."""
    pushed = call("data", "push", "rows@1", "--json").json
    again = call("data", "push", "--json").json
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "homeostat.toml").write_text(Path("homeostat.toml").read_text())
    pulled = call("data", "pull", "--project", copy, "--json").json

    assert (["rows@1"], 0) == (pushed["versions"], again["objects"])
    assert (["rows@1"], pushed["objects"]) == (pulled["versions"], pulled["objects"])
    assert 0 == call("data", "verify", "rows", "--project", copy).code


def test_push_without_a_remote(call: Call, project: Path) -> None:
    """Without a remote the message says how to add one."""
    answer = call("data", "push")

    assert (3, True) == (answer.code, "homeostat data remote add" in answer.err)


def test_unmounted_remote_is_no_empty_one(call: Call, project: Path, remote: str, tmp_path: Path) -> None:
    """A disk that is away is an error of the machine; nothing is written in its place."""
    (tmp_path / "a disk").rename(tmp_path / "away")

    answer = call("data", "push")

    assert (5, True, False) == (answer.code, "Mount its disk" in answer.err, (tmp_path / "a disk").exists())
    assert 0 == call("data", "verify", "rows").code


def test_collection_is_shown_before_it_is_done(call: Call, project: Path) -> None:
    """Without --apply nothing goes; with it, only what nothing needs."""
    garbage = old_garbage(project)

    shown = call("data", "gc", "--json").json
    spared = call("data", "gc", "--grace", "60d", "--apply", "--json").json
    done = call("data", "gc", "--apply", "--json").json

    assert ([garbage], False) == (shown["deleted"], shown["applied"])
    assert ([], 1) == (spared["deleted"], spared["in_grace"])
    assert ([garbage], 15) == (done["deleted"], done["deleted_bytes"])
    assert [] == call("data", "gc", "--json").json["deleted"]
    assert 0 == call("data", "verify").code


def test_short_grace_is_refused(call: Call, project: Path) -> None:
    """Work in flight must not lose its objects."""
    assert 7 == call("data", "gc", "--grace", "1m").code


def test_older_versions_are_forgotten(call: Call, project: Path) -> None:
    """--keep-last names what it would forget, and forgets it with --apply; reading then says so."""
    two_versions()

    shown = call("data", "gc", "--keep-last", "1", "plain", "--json").json
    assert 0 == call("data", "verify", "plain@1").code
    done = call("data", "gc", "--keep-last", "1", "plain", "--apply", "--json").json
    read = call("data", "verify", "plain@1")

    assert ["plain@1"] == shown["forgotten"] == done["forgotten"]
    assert (3, True) == (read.code, "homeostat data pull plain@1" in read.err)
    assert 0 == call("data", "verify", "plain@2").code


def test_version_that_a_contract_was_inferred_from_stays(call: Call, project: Path) -> None:
    """A contract compares with the version it was made from."""
    frame().write_csv("more.csv")
    call("data", "append", "rows", "more.csv")

    assert [] == call("data", "gc", "--keep-last", "1", "rows", "--json").json["forgotten"]


def test_forgetting_frees_the_space_of_old_versions(call: Call, project: Path) -> None:
    """Rows that only a forgotten version had are deleted once they are old; those it shared stay."""
    two_versions()
    at = time.time() - 30 * 86_400
    for path in (project / ".homeostat" / "objects").rglob("*"):
        os.utime(path, (at, at))

    shown = call("data", "gc", "--keep-last", "1", "--json").json
    done = call("data", "gc", "--keep-last", "1", "--apply", "--json").json

    assert shown["deleted"] == done["deleted"]
    assert 2 <= len(done["deleted"])
    assert 0 == call("data", "verify").code


def test_loss_is_named_and_healed(call: Call, project: Path, remote: str) -> None:
    """verify names the object and what it touches; --heal brings it back."""
    call("data", "push")
    with Workspace.find() as workspace:
        manifest = workspace.datasets.version("rows").manifest
        workspace.objects.path(manifest).write_bytes(b"damage")

    found = call("data", "verify", "--json")
    told = call("data", "verify")
    healed = call("data", "verify", "--heal")

    assert (4, [manifest]) == (found.code, [loss["object"] for loss in found.json["losses"]])
    assert (4, True) == (told.code, "It touches dataset:rows@1" in told.err)
    assert (0, True) == (healed.code, "came back from" in healed.out)
    assert 0 == call("data", "verify").code


def test_one_version_is_healed(call: Call, project: Path, remote: str) -> None:
    """`verify DATASET --heal` fetches what that version lost."""
    call("data", "push")
    objects = FileObjects(project / ".homeostat" / "objects")
    for entry in objects.entries():
        if objects.read(entry.digest).startswith(b"PAR1"):
            objects.path(entry.digest).write_bytes(b"damage")

    assert 0 == call("data", "verify", "rows", "--heal").code


def test_projects_share_a_store(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection from one project spares what the other needs; one that cannot be read stops it, and is named."""
    shared = Store(objects=str(tmp_path / "shared"))
    for name in ("one", "two"):
        with Workspace.create(tmp_path / name, Config(project=Project(name=name), store=shared)) as workspace:
            workspace.datasets.append("rows", frame(100 if name == "one" else 50))
    at = time.time() - 30 * 86_400
    for path in (tmp_path / "shared").rglob("*"):
        os.utime(path, (at, at))
    monkeypatch.chdir(tmp_path / "one")

    assert [] == call("data", "gc", "--apply", "--json").json["deleted"]
    (tmp_path / "two" / ".homeostat" / "homeostat.db").unlink()
    refused = call("data", "gc", "--apply")

    assert 5 == refused.code
    assert f"Project 'two' in {tmp_path / 'two'}" in refused.err
    assert "Nothing was deleted" in refused.err
    assert not (tmp_path / "two" / ".homeostat" / "homeostat.db").exists()
    assert 0 == call("data", "verify").code


def test_collection_on_a_remote(call: Call, project: Path, remote: str) -> None:
    """The remote is collected by what its documents name, with the same grace."""
    call("data", "push")
    left = [path for path in Path(project.parent, "a disk", "objects").rglob("*") if path.is_file()]
    at = time.time() - 30 * 86_400
    for path in left:
        os.utime(path, (at, at))

    assert [] == call("data", "gc", "--remote", "disk", "--apply", "--json").json["deleted"]
    assert 0 == call("data", "pull", "--check").code
