"""`python -m bench stale_cache --rivals all`: the suite, other tools included."""

import argparse
import datetime as dt

from bench.stale_cache import CASES, main
from bench.stale_cache.rivals import RIVALS, chosen, installed

parser = argparse.ArgumentParser(prog="python -m bench stale_cache")
parser.add_argument("--rivals", default="", help=f"comma-separated, out of {', '.join(RIVALS)}; or all")
parser.add_argument("--every", type=int, default=1, help="take every n-th case only; some tools need seconds a run")
asked = parser.parse_args()
try:
    names = chosen(asked.rivals)
except ValueError as error:
    parser.error(str(error))
cases = CASES[:: asked.every]
print(f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}, {len(cases)} of {len(CASES)} cases", flush=True)
main(tuple(installed(name) for name in names), cases)
