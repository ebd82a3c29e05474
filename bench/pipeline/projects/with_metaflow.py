"""Metaflow: a step each in a flow that is written here; first `run`, then `resume`, which keeps what succeeded."""

import json
import subprocess
import sys
import time
from pathlib import Path

STEPS = int(sys.argv[1])
FLOW, RAN = Path("chain.py"), Path("ran.log")
HEAD = "from metaflow import FlowSpec, step\n\n\nclass Chain(FlowSpec):\n"
START = "    @step\n    def start(self):\n        self.number = 0\n        self.next(self.s0)\n"
STEP = """    @step
    def s{at}(self):
        self.number += 1
        with open({ran!r}, "a") as log:
            log.write("\\n")
        self.next(self.{after})
"""
END = """    @step
    def end(self):
        with open("result.txt", "w") as result:
            result.write(str(self.number))


if __name__ == "__main__":
    Chain()
"""


def flow() -> str:
    """The source of a flow of so many steps, between a first and a last that every flow has."""
    names = [*(f"s{at}" for at in range(1, STEPS)), "end"]
    return HEAD + START + "".join(STEP.format(at=at, after=names[at], ran=str(RAN)) for at in range(STEPS)) + END


again = FLOW.exists()
FLOW.write_text(flow())
RAN.write_text("")
began = time.perf_counter()
command = [sys.executable, str(FLOW), "--no-pylint", "--quiet", "resume" if again else "run"]
subprocess.run(command, check=True, stdout=sys.stderr)
took = time.perf_counter() - began
ran = len(RAN.read_text().splitlines())
print(json.dumps({"run_s": took, "ran": ran, "result": int(Path("result.txt").read_text())}))
