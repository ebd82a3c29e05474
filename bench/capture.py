"""What a run pays for being captured: code, packages, machine, settings and random generators. Target: < 150 ms warm.

Asked of fresh processes, since a process that starts one run pays all of it: the first in an empty store, then warm ones
whose store and page cache know everything. `again` is a second run in the same process. The machine's own limit beside
it: reading and hashing the same files plainly.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 12
TARGET_MS = 150
FILES = 300
_ASKED = """
import json, resource, sys, time
from pathlib import Path
from blake3 import blake3
from homeostat.capture import generators
from homeostat.capture.code import snapshot
from homeostat.capture.hardware import hardware
from homeostat.capture.surroundings import capture
from homeostat.store.objects import FileObjects
import numpy, sklearn.linear_model
root, objects = Path(sys.argv[1]), FileObjects(Path(sys.argv[2]))
def took(act):
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000
found = {"all": took(lambda: capture(root, objects)), "again": took(lambda: capture(root, objects))}
found["code"] = took(lambda: snapshot(root, objects))
found["machine"] = took(hardware)
found["generators"] = took(lambda: objects.put(generators.capture()))
found["limit"] = took(lambda: [blake3(path.read_bytes()).hexdigest() for path in root.rglob("*.py")])
found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(found))
"""


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root, objects = Path(folder, "project"), Path(folder, "objects")
        for number in range(FILES):
            file = root / f"package{number % 10}" / f"module{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"VALUE = {number}\n" * 100)
        first, *warm = [_ask(root, objects) for _ in range(ROUNDS + 1)]
    median = {name: statistics.median(one[name] for one in warm) for name in first}
    print(f"{'capture of a project of 300 files':44}{'ms':>8}")
    print(f"{'first, into an empty store':44}{first['all']:>8.1f}")
    met = "met" if median["all"] < TARGET_MS else "MISSED"
    print(f"{'warm, in a fresh process':44}{median['all']:>8.1f}  target {TARGET_MS}: {met}")
    print(f"{'second run of a process':44}{median['again']:>8.1f}")
    print(f"{'  of which code tree':44}{median['code']:>8.1f}")
    print(f"{'  of which machine and numerics':44}{median['machine']:>8.1f}")
    print(f"{'  of which random generators':44}{median['generators']:>8.1f}")
    print(f"{'reading and hashing the files plainly':44}{median['limit']:>8.1f}")
    print(f"peak memory of the process {median['memory']:.0f} MB")


def _ask(root: Path, objects: Path) -> dict[str, float]:
    command = [sys.executable, "-c", _ASKED, str(root), str(objects)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(said)
    return found
