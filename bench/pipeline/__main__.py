"""`python -m bench pipeline --rivals all`: the chain of steps, other tools beside it."""

import argparse

from bench.pipeline import main
from bench.stale_cache.rivals import RIVALS, chosen

NO_PIPELINE = {"joblib"}  # caches calls, and has nothing that holds them together

parser = argparse.ArgumentParser(prog="python -m bench pipeline")
known = [name for name in RIVALS if name not in NO_PIPELINE]
parser.add_argument("--rivals", default="", help=f"comma-separated, out of {', '.join(known)}; or all")
try:
    names = chosen(parser.parse_args().rivals)
except ValueError as error:
    parser.error(str(error))
main(tuple(name for name in names if name in known))
