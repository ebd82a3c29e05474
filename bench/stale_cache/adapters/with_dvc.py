"""DVC: a stage that depends on the step's own file, `dvc repro`. The stage is this script again."""

import json
import subprocess
import sys
from pathlib import Path

from bench.stale_cache.adapters.observed import observe, project, report

RESULT, RAN = Path("result.json"), Path("ran.txt")
THIS = "bench.stale_cache.adapters.with_dvc"
STAGE = {"cmd": f"{sys.executable} -m {THIS} stage", "deps": ["work.py"], "outs": [str(RESULT)]}
DVC = [sys.executable, "-m", "dvc"]

if "stage" in sys.argv:
    work, argument = project()
    RESULT.write_text(json.dumps(observe(lambda: work.compute(argument))))
    RAN.touch()
else:
    if not Path("dvc.yaml").exists():
        Path("dvc.yaml").write_text(json.dumps({"stages": {"compute": STAGE}}))  # JSON is YAML
        subprocess.run([*DVC, "init", "--no-scm", "-q"], check=True)
    RAN.unlink(missing_ok=True)
    subprocess.run([*DVC, "repro", "-q"], check=True, stdout=sys.stderr)
    report({**json.loads(RESULT.read_text()), "ran": RAN.exists()})
