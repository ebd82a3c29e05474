"""Whether an edit that changes what a step returns ever meets a kept result, here and in other tools.

Each case is a tiny project and an edit of it; each run is a process of its own. A run without any cache says what is
right. `python -m bench stale_cache` asks Homeostat; with `--rivals joblib,hamilton` others are asked in the same run, each
installed in an environment of its own.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import homeostat
from bench.stale_cache.cases import Case, Kind
from bench.stale_cache.must_keep import MUST_KEEP
from bench.stale_cache.must_rerun import MUST_RERUN, UNDECLARED
from bench.stale_cache.trial import Outcome, Tool, attempt, truth

CASES: tuple[Case, ...] = (*MUST_RERUN, *UNDECLARED, *MUST_KEEP)
OURS = Tool(f"homeostat {homeostat.__version__}", "with_homeostat")
_AT_ONCE = 2
_COLUMNS: tuple[tuple[str, Kind, str], ...] = (
    ("stale", "must rerun", "stale"),
    ("stale, undeclared", "undeclared", "stale"),
    ("needless", "must keep", "needless"),
)


def measure(tools: list[Tool], cases: tuple[Case, ...] = CASES) -> Iterator[tuple[Tool, list[Outcome]]]:
    """Each tool's outcomes, in the order of the cases. Cost: two processes a case and tool, and two without a tool."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        right = list(pool.map(truth, cases))
        for tool in tools:
            yield tool, list(pool.map(attempt, [tool] * len(cases), cases, right))


def main(tools: tuple[Tool, ...] = (), cases: tuple[Case, ...] = CASES) -> None:
    """Measure and print the table, a row as soon as it is known, then each case that was not right."""
    print(f"| {'tool':22} |" + "".join(f" {title} |" for title, _, _ in _COLUMNS) + " failed |")
    print("|---|" + "---:|" * (len(_COLUMNS) + 1), flush=True)
    found: list[tuple[Tool, list[Outcome]]] = []
    for tool, outcomes in measure([OURS, *tools], cases):
        failed = sum(outcome.verdict == "failed" for outcome in outcomes)
        cells = [_cell(outcomes, kind, verdict) for _, kind, verdict in _COLUMNS]
        print(f"| {tool.name:22} |" + "".join(f" {cell} |" for cell in cells) + f" {failed} |", flush=True)
        found.append((tool, outcomes))
    for tool, outcomes in found:
        print(f"\n{tool.name}")
        for outcome in outcomes:
            if outcome.verdict != "right":
                print(f"- {outcome.verdict}: {outcome.case.name}" + (f" ({outcome.detail})" if outcome.detail else ""))


def _cell(outcomes: list[Outcome], kind: Kind, verdict: str) -> str:
    asked = [outcome for outcome in outcomes if outcome.case.kind == kind and outcome.verdict != "failed"]
    return f"{sum(outcome.verdict == verdict for outcome in asked)} of {len(asked)}"
