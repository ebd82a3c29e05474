"""Hamilton: a function a node, in a module that is written here; `Builder.with_cache`."""

import importlib
import json
import sys
import time
from pathlib import Path

from hamilton import driver

STEPS = int(sys.argv[1])
NODE = """

def n{after}(n{before}: int) -> int:
    RAN.append({after})
    return n{before} + 1
"""

Path("nodes.py").write_text("RAN = []\n" + "".join(NODE.format(before=at, after=at + 1) for at in range(STEPS)))
sys.path.insert(0, str(Path.cwd()))
nodes = importlib.import_module("nodes")
began = time.perf_counter()
flow = driver.Builder().with_modules(nodes).with_cache(path=".hamilton").build()
last = f"n{STEPS}"
result = flow.execute([last], inputs={"n0": 0})[last]
print(json.dumps({"run_s": time.perf_counter() - began, "ran": len(nodes.RAN), "result": int(result)}))
