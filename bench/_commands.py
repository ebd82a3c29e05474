"""Commands as a user starts them, each with its time and peak memory; and what Oxen and a hash are asked with."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HASH = "import sys; from blake3 import blake3; blake3(max_threads=blake3.AUTO).update_mmap(sys.argv[1])"
OXEN_INIT = "import oxen; from oxen.user import config_user; config_user('a', 'a@example.com'); oxen.Repo('.').init()"
_MEASURE = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Cost(NamedTuple):
    seconds: float
    peak_mb: float


def measured(folder: Path, *command: str | Path) -> Cost:
    """What a command takes, started by a small process in between: a child counts what its parent held at the fork.

    Raises: CalledProcessError if it fails.
    """
    asked = [sys.executable, "-I", "-S", "-c", _MEASURE, *map(str, command)]
    # Compiled modules are kept: a tool is installed once and started often.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    said = subprocess.run(asked, check=True, cwd=folder, stdout=subprocess.PIPE, text=True, env=environ).stdout
    seconds, peak_kb = said.split()
    return Cost(float(seconds), int(peak_kb) / 1024)
