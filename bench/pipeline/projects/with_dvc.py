"""DVC: a stage a step, `dvc repro`; a stage is a line of shell, so that no Python starts for it."""

import json
import subprocess
import sys
import time
from pathlib import Path

STEPS = int(sys.argv[1])
DVC = [sys.executable, "-m", "dvc"]


def stage(at: int) -> dict[str, object]:
    """The stage that writes one number more than the file before holds."""
    before, after = f"{at}.txt", f"{at + 1}.txt"
    return {"cmd": f"echo $(($(cat {before}) + 1)) > {after}; echo >> ran.log", "deps": [before], "outs": [after]}


if not Path("dvc.yaml").exists():
    Path("dvc.yaml").write_text(json.dumps({"stages": {f"s{at}": stage(at) for at in range(STEPS)}}))  # JSON is YAML
    Path("0.txt").write_text("0\n")
    subprocess.run([*DVC, "init", "--no-scm", "-q"], check=True)
Path("ran.log").write_text("")
began = time.perf_counter()
subprocess.run([*DVC, "repro", "-q"], check=True, stdout=sys.stderr)
took = time.perf_counter() - began
ran = len(Path("ran.log").read_text().splitlines())
print(json.dumps({"run_s": took, "ran": ran, "result": int(Path(f"{STEPS}.txt").read_text())}))
