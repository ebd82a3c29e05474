"""What a machine does while a run is open: metrics under `system/`, every 10 s.

CPU, memory and disk in percent and GB, of the machine and of this process; network and disk traffic in MB since the run began;
of each GPU what `nvidia-smi` says, if there is one.
"""

import csv
import shutil
import subprocess
import threading
from pathlib import Path

import psutil

from homeostat.track.run import Run

_FIRST_S, _PERIOD_S = 1.0, 10.0
_GB, _MB = 1e9, 1e6
_GPU = ("utilization.gpu", "memory.used", "memory.total", "power.draw", "temperature.gpu")
_GPU_NAMES = ("percent", "memory_mb", "memory_total_mb", "watts", "celsius")


def sample(run: Run, stop: threading.Event) -> None:
    """Log samples to `run` until `stop`."""
    process = psutil.Process()
    began = _traffic()
    smi = shutil.which("nvidia-smi")
    psutil.cpu_percent()  # percentages are since the call before
    process.cpu_percent()
    wait_s = _FIRST_S
    while not stop.wait(wait_s):
        wait_s = _PERIOD_S
        run.metrics({**machine(process, began), **(gpus(smi) if smi else {})})


def machine(process: psutil.Process, began: dict[str, float]) -> dict[str, float]:
    """One sample of the machine and of `process`; traffic since `began`."""
    memory = psutil.virtual_memory()
    found = {
        "system/cpu_percent": psutil.cpu_percent(),
        "system/memory_percent": memory.percent,
        "system/memory_gb": (memory.total - memory.available) / _GB,
        "system/disk_percent": psutil.disk_usage(str(Path.cwd())).percent,
        "system/process_cpu_percent": process.cpu_percent(),
        "system/process_memory_gb": process.memory_info().rss / _GB,
    }
    return found | {name: value - began.get(name, 0.0) for name, value in _traffic().items()}


def gpus(smi: str) -> dict[str, float]:
    """One sample of each GPU; none if `nvidia-smi` does not answer in time."""
    asked = (smi, f"--query-gpu={','.join(_GPU)}", "--format=csv,noheader,nounits")
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=5).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return read_gpus(said)


def read_gpus(said: str) -> dict[str, float]:
    """Metrics of what `nvidia-smi` printed; what a GPU cannot tell (`[N/A]`) is left out."""
    found = {}
    for index, row in enumerate(csv.reader(said.splitlines(), skipinitialspace=True)):
        for name, text in zip(_GPU_NAMES, row, strict=False):
            try:
                found[f"system/gpu_{index}_{name}"] = float(text)
            except ValueError:
                continue
    return found


def _traffic() -> dict[str, float]:
    """MB since the machine started; what it does not tell (in some containers) is left out."""
    found = {}
    if (network := psutil.net_io_counters()) is not None:
        found["system/network_received_mb"] = network.bytes_recv / _MB
        found["system/network_sent_mb"] = network.bytes_sent / _MB
    if Path("/proc/diskstats").exists() and (disk := psutil.disk_io_counters()) is not None:
        found["system/disk_read_mb"] = disk.read_bytes / _MB
        found["system/disk_written_mb"] = disk.write_bytes / _MB
    return found
