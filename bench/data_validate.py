"""Validating a 1 % append to a table of 10 million rows, beside validating the table whole.

One contract of 25 expectations: types, nulls, ranges, domains, a pattern, lengths, personal data, a unique key that looks back
through the whole history, ascending times, change of rows, drift of three columns against the first version. The history is
in a workspace as one import of a tenth and nine appends; its profiles are worked out once, which is timed apart, and then kept.

`BENCH_ROWS` says how many rows. `BENCH_PANDERA` and `BENCH_GX`, each the path of a python that has pandera (with polars), or great_expectations (with pandas),
ask those for the checks they share with us, of the append and of the whole; neither knows a past.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from homeostat.codec.tables import Table
from homeostat.data.contracts.contract import (
    Ascending,
    Contract,
    Expectation,
    HasColumn,
    InDomain,
    InRange,
    Matches,
    NoDrift,
    NoPersonalData,
    NullsAtMost,
    RowChange,
    TextLength,
    UniqueBy,
)
from homeostat.workspace import Config, Project, Workspace

ROWS = int(os.environ.get("BENCH_ROWS", "10000000"))
_PARTS = 10
_CARRIERS = ("AA", "B6", "DL", "EV", "UA", "US", "WN")
_START_US = 1_356_998_400_000_000
_TURNS = 5

_PANDERA = """
import sys, time, resource, pandera, polars as pl
import pandera.polars as pa
schema = pa.DataFrameSchema({
    "id": pa.Column(int, unique=True),
    "delay": pa.Column(float, pa.Check.in_range(-1e4, 1e4)),
    "distance": pa.Column(float, pa.Check.in_range(0, 1e5)),
    "carrier": pa.Column(str, pa.Check.isin(["AA", "B6", "DL", "EV", "UA", "US", "WN"])),
    "tail": pa.Column(str, [pa.Check.str_matches("^N[0-9]{5}$"), pa.Check.str_length(6, 6)]),
})
for path in sys.argv[1:]:
    rows = pl.read_parquet(path)
    began = time.perf_counter(); schema.validate(rows); took = time.perf_counter() - began
    print(f"pandera {pandera.__version__}: {len(rows):>12,} rows{took:>10.3f} s{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:>8} MB peak")
"""
_GX = """
import sys, time, resource, pandas as pd, great_expectations as gx
for path in sys.argv[1:]:
    rows = pd.read_parquet(path)
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b").get_batch({"dataframe": rows})
    e = gx.expectations
    suite = gx.ExpectationSuite(name="s", expectations=[
        e.ExpectColumnValuesToBeUnique(column="id"),
        e.ExpectColumnValuesToBeBetween(column="delay", min_value=-1e4, max_value=1e4),
        e.ExpectColumnValuesToBeBetween(column="distance", min_value=0, max_value=1e5),
        e.ExpectColumnValuesToBeInSet(column="carrier", value_set=["AA", "B6", "DL", "EV", "UA", "US", "WN"]),
        e.ExpectColumnValuesToMatchRegex(column="tail", regex="^N[0-9]{5}$"),
        e.ExpectColumnValueLengthsToBeBetween(column="tail", min_value=6, max_value=6)])
    began = time.perf_counter(); found = batch.validate(suite); took = time.perf_counter() - began
    print(f"great_expectations {gx.__version__}: {len(rows):>12,} rows{took:>10.3f} s{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:>8} MB peak")
"""


def main() -> None:
    """Measure and print the table."""
    contract = _contract()
    append = Table.of(_rows(ROWS, ROWS // 100))
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder)
        with Workspace.create(root / "project", Config(project=Project(name="bench"))) as workspace:
            datasets = workspace.datasets
            for part in range(_PARTS):
                datasets.append("flights", _rows(part * (ROWS // _PARTS), ROWS // _PARTS))
            print(f"{'':52}{'seconds':>9}{'peak MB':>9}")
            _show(
                "append of 1 %, first time: the past is profiled",
                lambda: datasets.guard.validate("flights", append, contract),
            )
            best = min(
                _show(f"append of 1 %, turn {n + 1}", lambda: datasets.guard.validate("flights", append, contract))
                for n in range(_TURNS)
            )
            kept = sum(path.stat().st_size for path in (root / "project").rglob("derived/*/*"))
            whole = Table.of(pl.concat([datasets.read(datasets.version("flights")).polars()]))
            again = min(
                _show(
                    f"the whole table, {whole.rows:,} rows, turn {n + 1}",
                    lambda: datasets.guard.validate("other", whole, contract),
                )
                for n in range(2)
            )
            print(f"the append costs {best / again:.2%} of the whole; profiles and hashes take {kept >> 20} MB on disk")
        _compare(root, append, whole)


def _compare(root: Path, append: Table, whole: Table) -> None:
    rivals = {name: script for name, script in (("BENCH_PANDERA", _PANDERA), ("BENCH_GX", _GX)) if name in os.environ}
    if not rivals:
        return
    paths = []
    for name, table in (("append", append), ("whole", whole)):
        path = root / f"{name}.parquet"
        table.polars().write_parquet(path)
        paths.append(str(path))
    for name, script in rivals.items():
        subprocess.run([os.environ[name], "-c", script, *paths], check=False)


def _show(name: str, act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{name:52}{took:>9.3f}{peak:>9}", flush=True)
    return took


def _rows(start: int, count: int) -> pl.DataFrame:
    random = np.random.default_rng(start)
    number = np.arange(start, start + count)
    return pl.DataFrame(
        {
            "id": number,
            "at": pl.Series(_START_US + number * 1_000_000, dtype=pl.Datetime("us", "UTC")),
            "delay": random.normal(10, 40, count),
            "distance": random.gamma(2, 500, count),
            "temperature": np.where(random.random(count) < 0.02, np.nan, random.normal(12, 8, count)),
            "carrier": random.choice(_CARRIERS, count),
            "tail": pl.Series(number % 100_000).cast(pl.String).str.zfill(5).str.replace("^", "N"),
        }
    ).with_columns(pl.col("temperature").fill_nan(None))


def _contract() -> Contract:
    types = {"id": "int64", "at": "timestamp[us, UTC]", "tail": "string", "carrier": "string"}
    types |= dict.fromkeys(("delay", "distance", "temperature"), "float64")
    expectations: list[Expectation] = [HasColumn(column=name, type=kind) for name, kind in types.items()]
    expectations += [NullsAtMost(column=name, share=0.1 if name == "temperature" else 0) for name in types]
    expectations += [
        InRange(column="delay", low=-1e4, high=1e4),
        InRange(column="distance", low=0, high=1e5),
        InDomain(column="carrier", values=_CARRIERS, unseen_at_most=0),
        Matches(column="tail", regex="N[0-9]{5}"),
        TextLength(column="tail", low=6, high=6),
        NoPersonalData(),
        UniqueBy(columns=("id",), with_history=True),
        Ascending(column="at", with_history=True),
        RowChange(low=0.01, high=100, severity="warn"),
        NoDrift(column="delay", against="1"),
        NoDrift(column="distance", against="1"),
        NoDrift(column="carrier", against="1"),
    ]
    return Contract(name="flights", expectations=tuple(expectations))
