"""Bad input at the door: each message says what, which value, why and what next, and nothing is lost or changed."""

import errno
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from command_line import Answer, Call, frame, in_process, process
from homeostat.store.objects import FileObjects
from homeostat.workspace import Config, Project, Workspace

pytestmark = pytest.mark.e2e


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return in_process(capsys)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one version of the dataset `rows`, without a contract; it is the current directory."""
    root = tmp_path / "project"
    with Workspace.create(root, Config(project=Project(name="example"))) as workspace:
        workspace.datasets.append("rows", frame(), source="first")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def holds(root: Path) -> tuple[int, list[str]]:
    """Versions of `rows`, and all objects."""
    with Workspace.open(root) as workspace:
        return len(workspace.datasets.versions("rows")), sorted(workspace.objects.digests())


def segment(root: Path) -> Path:
    """The file with the rows of `rows@1`."""
    objects = FileObjects(root / ".homeostat" / "objects")
    [path] = [objects.path(digest) for digest in objects.digests() if objects.read(digest).startswith(b"PAR1")]
    return path


def test_missing_column(project: Path) -> None:
    """An append without a column of the dataset names it with its type, and adds nothing."""
    frame().drop("carrier").write_csv("short.csv")
    before = holds(project)

    answer = process("data", "append", "rows", "short.csv", cwd=project)

    assert (2, "") == (answer.code, answer.out)
    assert "Error (missing-column): Rows for 'rows' lack 'carrier' (string)." in answer.err
    assert "Add the column (nulls are allowed), or replace the dataset" in answer.err
    assert before == holds(project)


def test_missing_column_against_a_contract(project: Path, call: Call) -> None:
    """With a contract the whole append is kept in quarantine, to be mended or dismissed."""
    call("data", "contract", "rows", "--infer")
    Path("contract.json").write_text(call("data", "contract", "rows", "--infer").out)
    call("data", "contract", "rows", "--set", "contract.json")
    frame().drop("carrier").write_csv("short.csv")

    answer = call("data", "append", "rows", "short.csv")

    assert (8, "") == (answer.code, answer.out)
    assert "Contract 'rows' blocked 200 rows for 'rows': column of 'carrier': observed no such column" in answer.err
    assert "Nothing was added; the rows are in quarantine as block-" in answer.err
    with Workspace.open(project) as workspace:
        [block] = workspace.datasets.blocks(["rows"])
        assert f"homeostat data dismiss {block.id} --why" in answer.err
        assert frame().drop("carrier").equals(workspace.datasets.quarantined_rows(block.id).polars())
    assert 1 == holds(project)[0]


def test_wrong_type(project: Path) -> None:
    """A column of another type names the type found and the one needed, and adds nothing."""
    frame().with_columns(distance=pl.lit("far")).write_csv("wrong.csv")
    before = holds(project)

    answer = process("data", "append", "rows", "wrong.csv", cwd=project)

    assert (2, "") == (answer.code, answer.out)
    assert "Error (wrong-type): Rows for 'rows' have other types than its versions" in answer.err
    assert "'distance' is string, needs float64. Cast them" in answer.err
    assert before == holds(project)


def test_file_of_another_kind(project: Path) -> None:
    """A file that is not what its name says is refused with its path and what the reader saw."""
    Path("rows.parquet").write_text("distance,carrier\n1,AA\n")
    before = holds(project)

    answer = process("data", "append", "rows", "rows.parquet", cwd=project)

    assert (2, "") == (answer.code, answer.out)
    assert "Error (bad-data): rows.parquet cannot be read as .parquet" in answer.err
    assert before == holds(project)


def test_unknown_dataset(project: Path) -> None:
    """A dataset that is not there is answered with those that are."""
    answer = process("data", "log", "row", cwd=project)

    assert (3, "") == (answer.code, answer.out)
    assert "Error (not-found): No dataset is named 'row'. There are: rows." in answer.err


@pytest.mark.parametrize("command", ["server", "gateway"])
def test_port_in_use(project: Path, taken: int, command: str) -> None:
    """A process whose port is taken names it and ends, instead of waiting or serving nobody."""
    answer = process(command, "--port", str(taken), cwd=project)

    assert 2 == answer.code
    assert f"Error (port-in-use): Port {taken} of 127.0.0.1 is taken" in answer.err
    assert f"homeostat {command} --port {taken + 1}" in answer.err


@pytest.mark.parametrize("option", ["--port", "--gateway-port"])
def test_port_in_use_starts_nothing(project: Path, taken: int, option: str) -> None:
    """`up` looks at both ports before it starts any process, and names the option to change."""
    other = "--gateway-port" if option == "--port" else "--port"

    answer = process("up", option, str(taken), other, "0", cwd=project)

    assert 2 == answer.code
    assert f"Error (port-in-use): Port {taken} of 127.0.0.1 is taken" in answer.err
    assert f"Nothing was started. Stop it, or choose another one: homeostat up {option} {taken + 1}" in answer.err
    assert not (project / ".homeostat" / "run").exists()


def test_newer_workspace(project: Path) -> None:
    """A workspace of a later version is left alone, down to the last byte."""
    path = project / ".homeostat" / "homeostat.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    frame().write_csv("more.csv")
    before = path.read_bytes()

    answer = process("data", "append", "rows", "more.csv", cwd=project)

    assert (4, "") == (answer.code, answer.out)
    assert "Error (newer-workspace)" in answer.err
    assert "has schema 9999; this version of Homeostat knows up to" in answer.err
    assert "Nothing was changed." in answer.err
    assert before == path.read_bytes()


@pytest.mark.parametrize("command", [["data", "verify", "rows"], ["data", "contract", "rows", "--infer"]])
def test_corrupt_object(project: Path, command: list[str]) -> None:
    """A flipped bit is found by `verify` and by any read, named by dataset, version and object, and left to be mended."""
    path = segment(project)
    kept = path.read_bytes()
    path.write_bytes(kept[:100] + bytes([kept[100] ^ 1]) + kept[101:])

    answer = process(*command, cwd=project)

    assert (4, "") == (answer.code, answer.out)
    assert "Error (corrupt-object): dataset:rows@1 cannot be read: its segment" in answer.err
    assert f"Object {path.parent.name}{path.name[:6]} in" in answer.err
    assert str(path) in answer.err
    assert "Restore that file from a copy" in answer.err
    path.write_bytes(kept)
    assert 0 == process(*command, cwd=project).code


def test_lost_object(project: Path) -> None:
    """A segment that was deleted is named by dataset, version and object; importing its source again mends it."""
    frame().write_parquet("other.parquet")
    assert 0 == process("data", "append", "other", "other.parquet", cwd=project).code
    path = segment(project)
    path.unlink()

    answer = process("data", "verify", "other", cwd=project)

    assert (4, "") == (answer.code, answer.out)
    assert f"dataset:other@1 cannot be read: its segment {path.parent.name}{path.name[:6]} of 200 rows" in answer.err
    assert "It was deleted, or never arrived. Import its source again" in answer.err
    assert 0 == process("data", "append", "other", "other.parquet", cwd=project).code
    assert 0 == process("data", "verify", "other", cwd=project).code


def test_full_disk_for_an_object(project: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that do not fit on the disk leave nothing behind, and the same command works once there is room."""
    frame().with_columns(pl.col("distance") + 1).write_csv("more.csv")
    before = holds(project)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = call("data", "append", "rows", "more.csv")

    assert (5, "") == (answer.code, answer.out)
    assert "Error (disk-full): No space left in" in answer.err
    assert "Nothing was changed. Free some space and run the same command again." in answer.err
    assert before == holds(project)
    assert [] == list((project / ".homeostat" / "objects" / "incoming").iterdir())
    assert 0 == call("data", "append", "rows", "more.csv").code


def test_full_disk_for_real(project: Path, tmp_path: Path) -> None:
    """On a file system that is full the append ends as it should, and every row of before can still be read."""
    random = os.urandom(3_000_000).hex()
    pl.DataFrame(
        {"distance": range(30_000), "carrier": [random[i * 200 : i * 200 + 200] for i in range(30_000)], "late": True}
    ).cast({"distance": pl.Float64}).write_csv(tmp_path / "large.csv")

    answer = on_small_disk(
        project, tmp_path / "disk", f"{sys.executable} -m homeostat data append rows {tmp_path / 'large.csv'}"
    )

    assert 5 == answer.code
    assert "Error (disk-full): No space left in" in answer.err
    assert "run the same command again" in answer.err
    assert "rows@1: 200 rows are what id" in answer.out


def on_small_disk(project: Path, disk: Path, command: str) -> Answer:
    """Run `command` in a copy of the project on a file system of 2 MB; then verify the dataset there."""
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=2m tmpfs {disk}"
    private = shutil.which("unshare")
    if (
        private is None
        or subprocess.run([private, "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine lets nobody mount a file system in a namespace of their own")
    script = (
        f"{mount} && cp -r {project}/. {disk} && cd {disk} && {command}; code=$?; "
        f"{sys.executable} -m homeostat data verify rows; exit $code"
    )
    done = subprocess.run([private, "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)
