"""`python -m bench.stale_cache --rivals joblib,hamilton`: the suite, other tools included."""

import argparse

from bench.stale_cache import CASES, main
from bench.stale_cache.rivals import RIVALS, installed

parser = argparse.ArgumentParser(prog="python -m bench.stale_cache")
parser.add_argument("--rivals", default="", help=f"comma-separated, out of {', '.join(RIVALS)}")
parser.add_argument("--every", type=int, default=1, help="take every n-th case only; some tools need seconds a run")
asked = parser.parse_args()
names = [name for name in asked.rivals.split(",") if name]
unknown = sorted(set(names) - set(RIVALS))
if unknown:
    parser.error(f"there is no adapter for {', '.join(unknown)}; there are: {', '.join(RIVALS)}")
main(tuple(installed(name) for name in names), CASES[:: asked.every])
