"""The machine and its numerics: what can change the last bits of a result when code, data and packages are the same.

The kernel that BLAS picks for a CPU and the number of its threads change sums; so they belong to the record of a run.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psutil
import threadpoolctl

# By name or by prefix, never the whole environment: it holds secrets.
_VARIABLES = ("PYTHONHASHSEED", "TZ", "LANG", "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG")
_PREFIXES = ("LC_", "OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "BLIS_", "NUMEXPR_", "VECLIB_", "NPY_")
_VECTORS = ("sse", "ssse3", "avx", "fma", "f16c", "amx")


class ThreadPool(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded BLAS or OpenMP library.

    Attributes:
        api: blas or openmp.
        library: openblas, mkl, libgomp ...
        version: if it tells.
        threads: how many it would use now.
        architecture: the kernels it picked for this CPU, if it tells.
    """

    api: str
    library: str
    version: str = ""
    threads: int
    architecture: str = ""


class Hardware(msgspec.Struct, frozen=True, kw_only=True, tag="hardware"):
    """A machine as a computation sees it.

    Attributes:
        cpu: its name.
        flags: instruction sets for vectors that it has, such as `avx2`: libraries pick their kernels by them.
    """

    cpu: str
    flags: tuple[str, ...] = ()
    machine: str
    cores_physical: int
    cores_logical: int
    cores_usable: int
    memory_bytes: int
    kernel: str
    thread_pools: tuple[ThreadPool, ...]


def hardware() -> Hardware:
    """This machine, and the numeric libraries that this process has loaded so far.

    Cost: 2 to 10 ms, nearly all of it asking the libraries.
    """
    logical = psutil.cpu_count() or 1
    about = _cpu(Path("/proc/cpuinfo"))
    return Hardware(
        cpu=about.get("model name") or platform.processor() or platform.machine(),
        flags=tuple(sorted(flag for flag in about.get("flags", "").split() if flag.startswith(_VECTORS))),
        machine=platform.machine(),
        cores_physical=psutil.cpu_count(logical=False) or logical,
        cores_logical=logical,
        cores_usable=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical,
        memory_bytes=psutil.virtual_memory().total,
        kernel=platform.release(),
        thread_pools=thread_pools(),
    )


def thread_pools() -> tuple[ThreadPool, ...]:
    """The BLAS and OpenMP libraries that are loaded, in a fixed order."""
    pools = [
        ThreadPool(
            api=pool["user_api"],
            library=pool["internal_api"],
            version=pool.get("version") or "",
            threads=pool["num_threads"],
            architecture=pool.get("architecture") or "",
        )
        for pool in threadpoolctl.threadpool_info()
    ]
    return tuple(sorted(pools, key=msgspec.structs.astuple))


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment variables that can change numbers, order or text."""
    return {
        name: value for name, value in sorted(environment.items()) if name in _VARIABLES or name.startswith(_PREFIXES)
    }


def _cpu(cpuinfo: Path) -> dict[str, str]:
    """What Linux says of its first core; nothing elsewhere."""
    try:
        first = cpuinfo.read_text().partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
