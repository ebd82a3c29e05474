"""Runs of scripts: `hs.run`, `hs.log`, `hs.active_run`."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import homeostat as hs
from homeostat.core.errors import DiskFull, NotFound, UserError
from homeostat.current import destinations
from homeostat.track import experiments, queries
from homeostat.track.records import RunDetail
from homeostat.track.run import Run
from homeostat.track.search.pages import find_runs
from homeostat.track.silent import SilentRun
from homeostat.workspace import Config, Project, Workspace


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new project, which is the current directory."""
    root = tmp_path / "project"
    Workspace.create(root, Config(project=Project(name="example"))).close()
    monkeypatch.chdir(root)
    yield root
    while destinations._opened:
        destinations._opened.popitem()[1].close()


def kept(run: Run, root: Path) -> RunDetail:
    with Workspace.open(root) as workspace, workspace.database.read() as connection:
        return queries.get(connection, run.id)


def test_a_block_is_a_run(project: Path) -> None:
    """Params, metrics, user, source, code and environment are on record when the block ends."""
    (project / "train.py").write_text("x = 1\n")
    with hs.run("baseline", lr=0.1, params={"a b": 2}, tags={"team": "x"}, system_metrics=False) as run:
        hs.log(loss=0.5)
        hs.log(7, loss=0.25)

    found = kept(run, project)
    assert ("baseline", "finished", {"a b": 2, "lr": 0.1}, {"team": "x"}) == (
        found.run.name,
        found.run.status,
        found.params,
        found.tags,
    )
    assert (2, 7, 0.25) == (found.metrics[0].points, found.metrics[0].step, found.metrics[0].value)
    assert all([found.run.user, found.run.source, found.run.code, found.run.environment])
    assert "argv" in found.surroundings


def test_a_run_knows_its_commit(project: Path) -> None:
    """Commit and branch are recorded, and whether the working directory had changes since."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "first", "--allow-empty")):
        subprocess.run((*git, *words), cwd=project, check=True)
    with hs.run("clean", system_metrics=False) as clean:
        clean.flush()
    (project / "new.py").write_text("x = 1\n")
    with hs.run("dirty", system_metrics=False) as dirty:
        dirty.flush()
    told = [kept(run, project).surroundings["git"] for run in (clean, dirty)]

    assert [("main", "false"), ("main", "true")] == [(git["branch"], git["dirty"]) for git in told]
    assert 40 == len(told[0]["commit"])


def test_runs_in_runs_know_each_other(project: Path) -> None:
    """A run in a run is its part, in its experiment; the inner one is active until it ends."""
    with hs.run("outer", experiment="depth", system_metrics=False) as outer:
        with hs.run("inner", system_metrics=False) as inner:
            assert inner is hs.active_run()
        assert outer is hs.active_run()
    assert hs.active_run() is None

    with Workspace.open(project) as workspace, workspace.database.read() as connection:
        number = experiments.named(connection, "depth").id
        page = find_runs(connection, f"parent = '{outer.id}'", experiment_ids=[number])
    assert [inner.id] == [one.run.id for one in page.runs]


def test_calls_of_a_function_are_runs(project: Path) -> None:
    """Each call is a run with its plain arguments as params; the function answers as before."""

    @hs.run
    def train(depth: int, rows: list[int], lr: float = 0.1) -> int:
        """Says what it does."""
        hs.log(score=depth * lr)
        return depth + len(rows)

    assert (4, "train", "Says what it does.") == (train(3, [1]), train.__name__, train.__doc__)

    with Workspace.open(project) as workspace, workspace.database.read() as connection:
        (one,) = find_runs(connection, "run_name = 'train'").runs
    assert ({"depth": 3, "lr": 0.1}, "score") == (one.params, one.metrics[0].key)


def test_a_function_that_works_later_is_no_run() -> None:
    """A coroutine would run after its run has ended: it is refused, with the way out."""

    async def train() -> None: ...

    with pytest.raises(UserError, match=r"with hs\.run\('train'\)"):
        hs.run(train)


def test_a_failing_function_is_a_failed_run(project: Path) -> None:
    """The error comes through, and is on record."""

    @hs.run("train", system_metrics=False)
    def train() -> None:
        raise ZeroDivisionError("no rows")

    with pytest.raises(ZeroDivisionError):
        train()

    with Workspace.open(project) as workspace, workspace.database.read() as connection:
        (one,) = find_runs(connection, "status = 'failed'").runs
    assert "no rows" in one.run.error


def test_calls_in_threads_are_runs_of_their_own(project: Path) -> None:
    """Calls that overlap, the first begun ending first, end each its own run."""
    begun = {1: threading.Event(), 2: threading.Event()}
    is_ended = threading.Event()

    @hs.run("train", system_metrics=False)
    def train(number: int) -> str:
        run = hs.active_run()
        assert run is not None
        begun[number].set()
        assert begun[2].wait(10) if number == 1 else is_ended.wait(10)
        hs.log(number=number)
        return run.id

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(train, 1)
        assert begun[1].wait(10)
        second = threads.submit(train, 2)
        ids = [first.result()]
        is_ended.set()
        ids.append(second.result())

    with Workspace.open(project) as workspace, workspace.database.read() as connection:
        details = [queries.get(connection, run_id) for run_id in ids]
    assert [({"number": 1}, 1.0, "finished"), ({"number": 2}, 2.0, "finished")] == [
        (detail.params, detail.metrics[0].value, detail.run.status) for detail in details
    ]


def test_threads_log_to_the_run_of_the_process(project: Path) -> None:
    """A thread, which inherits no context, finds the run that is open."""
    with hs.run("threads", system_metrics=False) as run:
        thread = threading.Thread(target=hs.log, kwargs={"x": 1.0})
        thread.start()
        thread.join()

    assert ["x"] == [metric.key for metric in kept(run, project).metrics]


def test_log_without_a_run_says_how() -> None:
    """The error shows how to begin one."""
    with pytest.raises(UserError, match=r"with hs\.run"):
        hs.log(x=1.0)


def test_a_run_goes_on_by_its_id(project: Path) -> None:
    """Steps go on counting, params stay, and it is finished when it ends again."""
    with hs.run("long", lr=0.1, system_metrics=False) as first:
        hs.log(loss=1.0)
    with hs.run(id=first.id, system_metrics=False) as again:
        hs.log(loss=0.5)
        with pytest.raises(UserError, match="'lr'"):
            again.params(lr=0.2)

    found = kept(first, project)
    assert ("finished", 2, 1) == (found.run.status, found.metrics[0].points, found.metrics[0].step)


def test_nothing_goes_on_that_never_was() -> None:
    """An unknown id is an error at once."""
    with pytest.raises(NotFound, match="run-x"):
        hs.run(id="run-x").start()


def test_only_rank_zero_logs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other ranks run the same code and leave nothing."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with hs.run("ddp", lr=0.1) as run:
        hs.log(loss=1.0)
        run.params(a=1)
        run.text("a.txt", "a")
        run.note("n")

    assert isinstance(run, SilentRun)
    assert not (project / ".homeostat" / "spool").exists()


def test_all_ranks_log_when_asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a run of its own that says which."""
    monkeypatch.setenv("SLURM_PROCID", "3")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    with hs.run("ddp", ranks="all", system_metrics=False) as run:
        hs.log(loss=1.0)

    found = kept(run, project)
    assert ("ddp/rank-3", {"rank": "3", "job": "77"}) == (found.run.name, found.tags)


def test_what_is_printed_can_be_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It still comes out, and is an artifact."""
    with hs.run("talking", capture_output=True, system_metrics=False) as run:
        sys.stdout.write("epoch 1\n")

    (output,) = kept(run, project).artifacts
    with Workspace.open(project) as workspace:
        assert b"epoch 1\n" == workspace.objects.read(output.digest)
    assert "epoch 1\n" == capsys.readouterr().out


def test_who_took_a_stream_may_write_after_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A log handler made in a run that keeps output goes on when the run has ended."""
    with hs.run("talking", capture_output=True, system_metrics=False):
        taken = sys.stdout
    taken.write("later\n")

    assert "later\n" == capsys.readouterr().out


def test_a_run_ends_when_its_output_cannot_be_kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is told, and the run is neither open nor active any more."""

    def full(*_: object) -> None:
        raise DiskFull("No space is left.")

    with pytest.raises(DiskFull), hs.run("talking", capture_output=True, system_metrics=False) as run:
        monkeypatch.setattr(run, "artifact", full)

    assert (None, "finished") == (hs.active_run(), kept(run, project).run.status)


def test_a_finished_run_is_flushed_already(project: Path) -> None:
    """Flushing it says whether all of it got there, and touches no file."""
    with hs.run("short", system_metrics=False) as run:
        run.log(x=1.0)

    assert run.flush()


def test_outside_of_a_project_runs_are_kept_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a homeostat.toml they go to `.homeostat/` in the current directory, said once."""
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        with hs.run(name, system_metrics=False):
            pass

    assert 1 == capsys.readouterr().err.count("there is no homeostat.toml")
    with Workspace.undeclared(tmp_path) as workspace, workspace.database.read() as connection:
        found = queries.recent(connection)
    assert {"first", "second"} == {run.name for run in found}
    assert [("", True)] * 2 == [(run.code, bool(run.environment)) for run in found]


def test_offline_runs_are_brought_home(tmp_path: Path, project: Path) -> None:
    """A folder of runs holds all they said; brought home, they are runs like others, with their artifacts."""
    away = tmp_path / "away"
    with hs.run("remote", offline=away, lr=0.1, system_metrics=False) as run:
        hs.log(loss=0.5)
        run.text("hello.txt", "hello")

    with Workspace.open(project) as workspace:
        assert (1, []) == workspace.runs.bring_home(away)
        assert (0, []) == workspace.runs.bring_home(away)
        (kept_artifact,) = kept(run, project).artifacts
        assert b"hello" == workspace.objects.read(kept_artifact.digest)
    assert ("finished", 0.5) == (kept(run, project).run.status, kept(run, project).metrics[0].value)


def test_a_run_starts_without_the_database(project: Path) -> None:
    """Starting and logging imports no SQLAlchemy, numpy, polars or pyarrow in the script's own thread."""
    script = (
        "import sys, threading, homeostat as hs\n"
        "threading.Thread.start = lambda self: None\n"  # what threads do is theirs
        "hs.run('light').start().log(loss=1.0)\n"
        "heavy = {'sqlalchemy', 'numpy', 'polars', 'pyarrow', 'psutil'} & set(sys.modules)\n"
        "sys.stdout.write(repr(sorted(heavy))); sys.stdout.flush()\n"
        "import os; os._exit(0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=project)

    assert "[]" == ended.stdout
