"""Validating a 1 % append to a table of 10 million rows, beside validating the table whole.

One contract of 24 expectations: types, nulls, ranges, domains, a pattern, lengths, personal data, ascending times, change of
rows, drift of three columns against the first version. It is measured without a look back for keys, with one by keys that
ascend, as counters and times do, and with one by keys that are scattered, as hashes and random ids are. The history is in a
workspace as ten appends; what is kept of it is worked out once, which is timed apart.

The whole is held to the same contract in the place of all rows, as if it were sent anew. Beside it pandera (on polars) and great_expectations (on pandas), each in an environment of its own, with the checks they share with us, of the append and of
the whole; neither knows a past. `BENCH_ROWS` says how many rows; `BENCH_RIVALS=` (empty) leaves the others out.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from bench.stale_cache.rivals import environment
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
_SCATTER = 0x9E3779B97F4A7C15  # odd, so that numbers stay distinct modulo 2**64

Key = Literal["", "id", "ticket"]
_KEYS: dict[Key, str] = {"": "no look back", "id": "ascending keys", "ticket": "scattered keys"}

_PANDERA = """
import sys, time, pandera, polars as pl
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
    print(f"{f'pandera {pandera.__version__}, {len(rows):,} rows, fewer checks':64}{took:>9.3f}{int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) >> 10:>9}")
"""
_GX = """
import sys, time, pandas as pd, great_expectations as gx
for path in sys.argv[1:]:
    rows = pd.read_parquet(path)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
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
    assert found.success, found
    print(f"{f'great_expectations {gx.__version__}, {len(rows):,} rows, fewer checks':64}{took:>9.3f}{int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) >> 10:>9}")
"""


def main() -> None:
    """Measure and print the table."""
    append = Table.of(_rows(ROWS, ROWS // 100))
    print(f"{'':64}{'seconds':>9}{'peak MB':>9}")
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder)
        with Workspace.create(root / "project", Config(project=Project(name="bench"))) as workspace:
            for part in range(_PARTS):
                workspace.datasets.append("flights", _rows(part * (ROWS // _PARTS), ROWS // _PARTS))
            appends = {key: _append(workspace, append, key) for key in _KEYS}
            kept = sum(path.stat().st_size for path in (root / "project").rglob("derived/*/*"))
            whole = workspace.datasets.read(workspace.datasets.version("flights"))
            whole.polars()
            for key, seconds in appends.items():
                again = _best(f"{whole.rows:,} rows, {_KEYS[key]}", workspace, whole, _contract(key), turns=2)
                print(f"{_KEYS[key]}: the append costs {seconds / again:.2%} of the whole")
            print(f"what is kept of the history takes {kept >> 20} MB on disk")
        if os.environ.get("BENCH_RIVALS", "all"):
            _compare(root, append, whole)


def _append(workspace: Workspace, append: Table, key: Key) -> float:
    contract, name = _contract(key), f"append of 1 %, {_KEYS[key]}"
    _show(f"{name}, first time", lambda: workspace.datasets.guard.validate("flights", append, contract))
    return _best(name, workspace, append, contract, turns=_TURNS)


def _best(name: str, workspace: Workspace, rows: Table, contract: Contract, *, turns: int) -> float:
    """The shortest time of some turns. The whole table comes in the place of all rows, as if it were sent anew."""
    guard, head = workspace.datasets.guard, workspace.datasets.version("flights")
    keeps_history = rows.rows < head.rows
    return min(
        _show(f"{name}, turn {n + 1}", lambda: guard.hold(rows, contract, head, keeps_history=keeps_history))
        for n in range(turns)
    )


def _compare(root: Path, append: Table, whole: Table) -> None:
    rivals = {
        _PANDERA: environment("pandera", "pandera", "polars", "pyarrow"),
        _GX: environment("great_expectations", "great_expectations", "pyarrow"),
    }
    for name, table in (("append", append), ("whole", whole)):
        path = root / f"{name}.parquet"
        table.polars().write_parquet(path)
        for script, (python, _) in rivals.items():
            subprocess.run([python, "-c", script, path], check=True)


def _show(name: str, act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{name:64}{took:>9.3f}{peak:>9}", flush=True)
    return took


def _rows(start: int, count: int) -> pl.DataFrame:
    random = np.random.default_rng(start)
    number = np.arange(start, start + count)
    return pl.DataFrame(
        {
            "id": number,
            "ticket": (number.astype(np.uint64) * np.uint64(_SCATTER)).view(np.int64),
            "at": pl.Series(_START_US + number * 1_000_000, dtype=pl.Datetime("us", "UTC")),
            "delay": random.normal(10, 40, count),
            "distance": random.gamma(2, 500, count),
            "temperature": np.where(random.random(count) < 0.02, np.nan, random.normal(12, 8, count)),
            "carrier": random.choice(_CARRIERS, count),
            "tail": pl.Series(number % 100_000).cast(pl.String).str.zfill(5).str.replace("^", "N"),
        }
    ).with_columns(pl.col("temperature").fill_nan(None))


def _contract(key: Key) -> Contract:
    types = {"id": "int64", "ticket": "int64", "at": "timestamp[us, UTC]", "tail": "string", "carrier": "string"}
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
        UniqueBy(columns=(key or "id",), with_history=bool(key)),
        Ascending(column="at", with_history=True),
        RowChange(low=0.01, high=100, severity="warn"),
        NoDrift(column="delay", against="1"),
        NoDrift(column="distance", against="1"),
        NoDrift(column="carrier", against="1"),
    ]
    return Contract(name="flights", expectations=tuple(expectations))
