"""How the benches run other tools; none of the tools is needed here."""

import os
import sys
import time
from pathlib import Path

import pytest
from bench.pipeline.rivals import Chain, Run, scaled
from bench.stale_cache.rivals import RIVALS, chosen
from bench.stale_cache.settings import silenced
from bench.stale_cache.trial import TooSlow, in_group

_LEAVES = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], stdout=subprocess.DEVNULL).pid)"
_ADAPTERS = Path("bench/stale_cache/adapters")
_PROJECTS = Path("bench/pipeline/projects")


def _ended(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_every_rival_is_asked_in_both_benches(pytestconfig: pytest.Config) -> None:
    """Each tool has an adapter, and a chain of steps unless it has no pipelines."""
    root = pytestconfig.rootpath

    adapters = {rival.adapter for rival in RIVALS.values()}

    assert {path.stem for path in (root / _ADAPTERS).glob("with_*.py")} - {"with_homeostat"} == adapters
    assert {path.stem for path in (root / _PROJECTS).glob("with_*.py")} == adapters - {"with_joblib"}


def test_all_names_every_rival() -> None:
    """`all` is short for the whole list."""
    assert list(RIVALS) == chosen("all")


def test_an_unknown_rival_is_refused_by_name() -> None:
    """A misspelt tool is not left out silently."""
    with pytest.raises(ValueError, match="no adapter for airflow"):
        chosen("dvc,airflow")


def test_databases_of_tools_lie_in_the_home_given(tmp_path: Path) -> None:
    """No tool meets what another case left in its database."""
    homes = [value for name, value in silenced(tmp_path).items() if name.endswith(("_HOME", "_PATH"))]

    assert [str(tmp_path / name) for name in ("dagster", "prefect", "zenml")] == homes


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc whether a process is there")
def test_what_a_command_leaves_behind_is_ended(tmp_path: Path) -> None:
    """A server that a tool started does not outlive the run."""
    _, output, _ = in_group([sys.executable, "-c", _LEAVES], tmp_path, os.environ, 30)

    deadline = time.monotonic() + 10
    while not _ended(int(output)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _ended(int(output))


def test_a_command_without_an_end_is_given_up(tmp_path: Path) -> None:
    """A tool that hangs is counted as failed."""
    with pytest.raises(TooSlow, match="no end within"):
        in_group([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, os.environ, 0.1)


def test_scaling_leaves_the_start_of_a_command_as_it_is() -> None:
    """Five times the steps are five times the run, not five times the start of the process."""
    few = Chain("a", 20, Run(command_s=3.0, run_s=2.0, peak_mb=9.0, ran=20), Run(1.5, 0.5, 9.0, 0))

    many = scaled(few, 100)

    assert Chain("a", 20, Run(11.0, 10.0, 9.0, 20), Run(3.5, 2.5, 9.0, 0)) == many
