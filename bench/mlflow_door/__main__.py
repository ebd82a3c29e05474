"""`python -m bench mlflow_door --workers default`: MLflow's client against both servers, with other numbers than usual."""

import argparse
import datetime as dt

from bench.mlflow_door import COUNTS, ROUNDS, main

parser = argparse.ArgumentParser(prog="python -m bench mlflow_door")
parser.add_argument("--workers", default="1", help="of MLflow's server: a number, or default")
parser.add_argument("--rounds", type=int, default=ROUNDS)
parser.add_argument("--work", default=",".join(COUNTS), help=f"comma-separated, out of {', '.join(COUNTS)}")
asked = parser.parse_args()
wanted = asked.work.split(",")
if unknown := [name for name in wanted if name not in COUNTS]:
    parser.error(f"there is no work {', '.join(unknown)}")
print(f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}", flush=True)
main(
    workers=None if asked.workers == "default" else int(asked.workers),
    rounds=asked.rounds,
    counts={name: COUNTS[name] for name in wanted},
)
