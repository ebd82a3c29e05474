from pathlib import Path

import pytest
import threadpoolctl

from homeostat.capture.hardware import _cpu, hardware, thread_pools, variables


def test_the_machine_is_described() -> None:
    """Cores and memory are positive, and no more cores are usable than there are."""
    machine = hardware()

    assert 1 <= machine.cores_usable <= machine.cores_logical
    assert machine.memory_bytes > 0
    assert machine.cpu


def test_the_number_of_blas_threads_is_part_of_it() -> None:
    """It changes the order of sums."""
    with threadpoolctl.threadpool_limits(1, "blas"):
        found = [pool.threads for pool in thread_pools() if pool.api == "blas"]

    assert found
    assert {1} == set(found)


def test_the_model_of_the_cpu_is_read(tmp_path: Path) -> None:
    """As Linux tells it of the first core; elsewhere nothing is read."""
    (tmp_path / "cpuinfo").write_text(
        "processor\t: 0\nmodel name\t: Analytical Engine\nflags\t: sse\n\nprocessor\t: 1\nmodel name\t: Other\n"
    )

    assert {"processor": "0", "model name": "Analytical Engine", "flags": "sse"} == _cpu(tmp_path / "cpuinfo")
    assert {} == _cpu(tmp_path / "missing")


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_CBWR", "TZ", "LC_ALL"])
def test_variables_that_change_results_are_kept(name: str) -> None:
    """Threads, kernels, hash seed, time zone, locale."""
    assert {name: "1"} == variables({name: "1"})


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HOME", "PATH", "TZDIR_TOKEN"])
def test_other_variables_are_not(name: str) -> None:
    """Secrets live in the environment."""
    assert {} == variables({name: "1"})
