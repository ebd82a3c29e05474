"""Running pipelines: what is run again, what is not, and what is left behind."""

from collections.abc import Iterable
from typing import Any

import pytest

from homeostat.codec.tables import Dataset, Table
from homeostat.core.digests import Digest
from homeostat.core.errors import MissingColumn, StepFailed, WrongType
from homeostat.pipelines import queries
from homeostat.pipelines.records import PipelineRun
from homeostat.pipelines.resources import Resources
from homeostat.store import ledger, lineage
from homeostat.store.objects import FileObjects

# Three steps in a row, which tell their run that they really ran.
CHAIN = {
    "main": """
import homeostat as hs
from homeostat.codec.tables import Table
from helpers import double, label

@hs.step
def load(n: int) -> list[int]:
    hs.current_run().log(load=1)
    return list(range(n))

@hs.step
def clean(rows: list[int]) -> list[int]:
    hs.current_run().log(clean=1)
    return double(rows)

@hs.step
def report(rows: list[int], name: str = "r") -> str:
    hs.current_run().log(report=1)
    return label(rows) + name

@hs.pipeline
def chain(n: int = 3, name: str = "r") -> str:
    return report(clean(load(n)), name)
""",
    "helpers": "def double(rows): return [2 * row for row in rows]\ndef label(rows): return f'{len(rows)} rows '\n",
}


def run(workspace: Any, project: Any, files: dict[str, str], pipeline: str = "chain", **arguments: Any) -> Any:
    """Run a pipeline of the project as its files are; returns the statuses by step."""
    project.write(files)
    made: PipelineRun = workspace.pipelines.run(getattr(project.load(), pipeline), arguments)
    return {action.step: action.status for action in made.actions}


def dataset(rows: int = 4) -> Dataset:
    table = Table.of({"x": list(range(rows))})
    return Dataset(table.arrow(), name="flights", version=3, origin=("dataset:flights@3",))


def test_second_run_executes_nothing(workspace: Any, project: Any) -> None:
    """The same inputs, code and environment: every step is a hit."""
    project.write(CHAIN)
    main = project.load()
    first = workspace.pipelines.run(main.chain, {})
    second = workspace.pipelines.run(main.chain, {})

    assert [] == workspace.runs.runs[1].metrics
    assert {"cached"} == {action.status for action in second.actions}
    assert "3 rows r" == workspace.pipelines.value(second.result) == workspace.pipelines.value(first.result)


def test_edited_helper_reruns_exactly_its_dependents(workspace: Any, project: Any) -> None:
    """What does not reach the edited function stays."""
    run(workspace, project, CHAIN)
    edited = {**CHAIN, "helpers": CHAIN["helpers"].replace("2 * row", "3 * row")}

    assert {"load": "cached", "clean": "ran", "report": "ran"} == run(workspace, project, edited)


def test_edited_comment_reruns_nothing(workspace: Any, project: Any) -> None:
    """Prose is not code."""
    run(workspace, project, CHAIN)
    edited = {**CHAIN, "helpers": "# Says why.\n" + CHAIN["helpers"]}

    assert {"load": "cached", "clean": "cached", "report": "cached"} == run(workspace, project, edited)


def test_same_result_of_other_code_stops_the_rerun(workspace: Any, project: Any) -> None:
    """Early cutoff: a step whose inputs came out the same is not run, whatever made them."""
    run(workspace, project, CHAIN)
    edited = {**CHAIN, "helpers": CHAIN["helpers"].replace("2 * row", "row + row")}

    assert {"load": "cached", "clean": "ran", "report": "cached"} == run(workspace, project, edited)


def test_changed_argument_reruns_what_takes_it(workspace: Any, project: Any) -> None:
    """Arguments count where they are used."""
    run(workspace, project, CHAIN)

    assert {"load": "cached", "clean": "cached", "report": "ran"} == run(workspace, project, CHAIN, name="s")


def test_declared_variable_counts(workspace: Any, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that declares an environment variable runs again when it changes."""
    source = "import os\nimport homeostat as hs\n@hs.step(env=['CITY'])\ndef where() -> str: return os.environ['CITY']\n@hs.pipeline\ndef chain(): return where()\n"
    seen = []
    for city in ("JFK", "JFK", "EWR"):
        monkeypatch.setenv("CITY", city)
        seen.append(run(workspace, project, {"main": source})["where"])

    assert ["ran", "cached", "ran"] == seen


def test_cache_can_be_left_out(workspace: Any, project: Any) -> None:
    """`use_cache=False` runs every step."""
    project.write(CHAIN)
    main = project.load()
    workspace.pipelines.run(main.chain, {})
    again = workspace.pipelines.run(main.chain, {}, use_cache=False)

    assert {"ran"} == {action.status for action in again.actions}


def test_missing_object_is_made_again(workspace: Any, project: Any) -> None:
    """A hit whose bytes are gone is no hit."""
    source = "import homeostat as hs\n@hs.step\ndef big() -> bytes: return b'x' * 5000\n@hs.pipeline\ndef chain(): return big()\n"
    project.write({"main": source})
    main = project.load()
    stored = workspace.pipelines.run(main.chain, {}).result
    workspace.objects.path(stored.blob).unlink()
    again = workspace.pipelines.run(main.chain, {})

    assert ["ran"] == [action.status for action in again.actions]
    assert b"x" * 5000 == workspace.pipelines.value(again.result)


class Killed(BaseException):
    """The process ends here."""


class DyingObjects(FileObjects):
    """Objects of a process that dies right after it has written an object with `mark` in it."""

    mark = b""

    def put(self, content: bytes | Iterable[bytes]) -> Digest:
        digest = super().put(content)
        if self.mark and isinstance(content, bytes) and self.mark in content:
            raise Killed
        return digest


def test_crash_between_blob_and_row_resumes(workspace: Any, project: Any, tmp_path: Any) -> None:
    """What was committed before a crash is not run again; what was not is."""
    source = (
        "import homeostat as hs\n@hs.step\ndef a() -> bytes: return b'a' * 5000\n"
        "@hs.step\ndef b(x: bytes) -> bytes: return b'b' * 5000\n@hs.pipeline\ndef chain(): return b(a())\n"
    )
    project.write({"main": source})
    main = project.load()
    dying = DyingObjects(tmp_path / "workspace" / "objects")
    dying.mark = b"bbbb"
    with pytest.raises(Killed):
        workspace.over(dying).run(main.chain, {})
    again = workspace.pipelines.run(main.chain, {})

    assert [("a", "cached"), ("b", "ran")] == [(action.step, action.status) for action in again.actions]


def test_failed_step_says_what_and_keeps_what_ran(workspace: Any, project: Any) -> None:
    """The user's exception is the cause; the run is failed; earlier steps are not run again after the repair."""
    broken = {**CHAIN, "helpers": CHAIN["helpers"].replace("2 * row", "1 // 0")}
    with pytest.raises(StepFailed, match="Step clean failed in run run-0: ZeroDivisionError") as failure:
        run(workspace, project, broken)

    assert isinstance(failure.value.__cause__, ZeroDivisionError)
    assert "failed" == workspace.runs.runs[0].ended[0]
    assert {"load": "cached", "clean": "ran", "report": "ran"} == run(workspace, project, CHAIN)


def test_failed_run_can_be_read(workspace: Any, project: Any) -> None:
    """The record of a failed run holds the failed action with its error."""
    with pytest.raises(StepFailed):
        run(workspace, project, {**CHAIN, "helpers": CHAIN["helpers"].replace("2 * row", "1 // 0")})
    with workspace.database.read() as connection:
        found = queries.get(connection, "run-0")

    assert ("failed", "failed") == (found.status, found.actions[-1].status)
    assert found.actions[-1].error.startswith("ZeroDivisionError")


def test_retries_try_again_on_fresh_arguments(workspace: Any, project: Any) -> None:
    """A retry sees its arguments as they were, not as the failed try left them."""
    source = """
import homeostat as hs
tries = []
def attempt(rows):
    rows.append(0)
    tries.append(len(rows))
    if len(tries) < 3: raise OSError("try again")
    return len([rows.pop(), *rows])
@hs.step(retries=2)
def flaky(rows: list[int]) -> int:
    import main
    return getattr(main, "attempt")(rows)
@hs.pipeline
def chain(): return flaky([1, 2])
"""
    project.write({"main": source})
    main = project.load()
    made = workspace.pipelines.run(main.chain, {})

    assert ([3, 3, 3], 3) == (main.tries, workspace.pipelines.value(made.result))


def test_wrong_type_names_step_parameter_and_value(workspace: Any, project: Any) -> None:
    """A mistake at a step's boundary is told there."""
    source = CHAIN["main"].replace("load(n)", "load('many')")

    with pytest.raises(WrongType, match="Step load, parameter n: expected int, got str 'many'"):
        run(workspace, project, {**CHAIN, "main": source})


def test_a_step_cannot_change_what_another_sees(workspace: Any, project: Any) -> None:
    """Each step works on values of its own."""
    source = """
import homeostat as hs
@hs.step
def make() -> list[int]: return [1]
@hs.step
def spoil(rows: list[int]) -> int:
    rows.append(2)
    raise ValueError
@hs.step
def count(rows: list[int]) -> int: return len(rows)
@hs.pipeline
def chain():
    rows = make()
    try: spoil(rows)
    except hs_errors.StepFailed: pass
    return [count(rows), len(rows)]
""".replace(
        "import homeostat as hs",
        "import homeostat as hs\nfrom homeostat.core import errors as hs_errors",
    )
    project.write({"main": source})
    made = workspace.pipelines.run(project.load().chain, {})

    assert [1, 1] == [workspace.pipelines.value(made.result[0]), made.result[1]]


def test_plain_python_discovers_the_graph(workspace: Any, project: Any) -> None:
    """Results can be branched on, unpacked, fanned out, gathered and calculated with."""
    source = """
import homeostat as hs
@hs.step
def halves(n: int) -> tuple[list[int], list[int]]: return list(range(n)), list(range(n, 2 * n))
@hs.step
def total(rows: list[int], seed: int) -> int: return sum(rows) + seed
@hs.step
def best(totals: list[int]) -> int: return max(totals)
@hs.pipeline
def chain():
    low, high = halves(3)
    totals = total.map(high, seed=[1, 2, 3]) if len(low) == 3 else []
    return {"best": best(totals), "twice": 2 * totals[0] + 1}
"""
    project.write({"main": source})
    main = project.load()
    made = workspace.pipelines.run(main.chain, {})

    assert {"best": 15, "twice": 27} == main.chain()
    assert (15, 27) == (workspace.pipelines.value(made.result["best"]), made.result["twice"])
    assert [0, 1, 2] == [action.position for action in made.actions if action.step == "total"]


TABLES = {
    "main": """
import polars as pl
import homeostat as hs
from homeostat.codec.tables import Dataset, Table
@hs.step
def double(flights: Table) -> Table: return flights.polars().with_columns(y=pl.col("x") * 2)
@hs.step
def mean(rows: Table) -> float: return rows.polars()["y"].mean()
@hs.pipeline
def chain(flights: Dataset): return mean(double(flights))
"""
}


def test_result_traces_to_the_dataset_version(workspace: Any, project: Any) -> None:
    """From a result the lineage leads through actions, code and environment to the dataset."""
    project.write(TABLES)
    made = workspace.pipelines.run(project.load().chain, {"flights": dataset()})
    with workspace.database.read() as connection:
        parents = {edge.parent for edge in lineage.upstream(connection, made.result.node)}

    kinds = {parent.partition(":")[0] for parent in parents}
    assert {"action", "table", "dataset", "code", "environment"} == kinds
    assert "dataset:flights@3" in parents


def test_rows_of_a_dataset_are_not_written_again(workspace: Any, project: Any) -> None:
    """An argument with an origin is named, not copied; the origin is what it can be had from."""
    project.write(TABLES)
    made = workspace.pipelines.run(project.load().chain, {"flights": dataset()})

    argument = made.actions[0].arguments["flights"]
    assert (None, ("dataset:flights@3",)) == (argument.blob, argument.origin)


def test_equal_rows_of_another_version_are_a_hit_that_is_traced(workspace: Any, project: Any) -> None:
    """A new version with the same rows reruns nothing, and the rows are known to come from both."""
    project.write(TABLES)
    chain = project.load().chain
    workspace.pipelines.run(chain, {"flights": dataset()})
    newer = Dataset(dataset().arrow(), name="flights", version=4, origin=("dataset:flights@4",))
    made = workspace.pipelines.run(chain, {"flights": newer})
    with workspace.database.read() as connection:
        parents = {edge.parent for edge in lineage.upstream(connection, made.result.node)}

    assert {"cached"} == {action.status for action in made.actions}
    assert {"dataset:flights@3", "dataset:flights@4"} <= parents


def test_result_of_an_earlier_run_can_be_an_argument(workspace: Any, project: Any) -> None:
    """A champion, for instance: `Stored` is taken for what it stands for."""
    source = "import homeostat as hs\n@hs.step\ndef make() -> list[int]: return [1, 2]\n@hs.step\ndef add(rows: list[int]) -> int: return sum(rows)\n@hs.pipeline\ndef first(): return make()\n@hs.pipeline\ndef second(rows): return add(rows)\n"
    project.write({"main": source})
    main = project.load()
    made = workspace.pipelines.run(main.first, {}).result

    assert 3 == workspace.pipelines.value(workspace.pipelines.run(main.second, {"rows": made}).result)


def test_run_reads_back_as_it_was(workspace: Any, project: Any) -> None:
    """The database holds all that a run returned."""
    project.write(TABLES)
    made = workspace.pipelines.run(
        project.load().chain, {"flights": dataset()}, system="late-flights", actor="controller"
    )
    with workspace.database.read() as connection:
        found = queries.recent(connection, system="late-flights")

    assert [made] == found


def test_end_of_a_run_is_a_fact(workspace: Any, project: Any) -> None:
    """The ledger says how each run ended and what it cost."""
    run(workspace, project, CHAIN)
    with workspace.database.read() as connection:
        bodies = [entry.body for entry in ledger.entries(connection, kinds=["pipeline-finished"])]

    assert 1 == len(bodies)
    assert '"status":"finished","ran":3,"cached":0' in bodies[0]


def test_metrics_of_a_step_reach_its_run(workspace: Any, project: Any) -> None:
    """`current_run` is the tracked run while a step runs, and nothing outside."""
    source = "import homeostat as hs\n@hs.step\ndef fit() -> int:\n    hs.current_run().log(loss=0.5)\n    return 1\n@hs.pipeline\ndef chain(): return fit()\n"
    project.write({"main": source})
    main = project.load()
    workspace.pipelines.run(main.chain, {})

    assert [(None, {"loss": 0.5})] == workspace.runs.runs[0].metrics
    assert main.hs.current_run() is None


def test_earlier_model_predicts_with_its_own_code(workspace: Any, project: Any) -> None:
    """A model of an earlier run keeps the transform it was trained with, though the project's has changed.

    Each tracked run has the models it made as artifacts, and what it was surrounded by.
    """
    features = "def features(rows): return rows.select('x').to_numpy() * {}\n"
    source = """
import homeostat as hs
from sklearn.linear_model import LinearRegression
from homeostat.codec.models import Model
from homeostat.codec.tables import Table
from parts import features
@hs.step
def fit(rows: Table) -> Model:
    frame = rows.polars()
    return Model(LinearRegression().fit(features(frame), frame["y"].to_numpy()), features, example=rows)
@hs.step
def score(model: Model, rows: Table) -> float: return model.predict(rows.polars())[0]
@hs.pipeline
def first(rows: Table): return fit(rows)
@hs.pipeline
def second(model, rows: Table): return [score(model, rows), score(fit(rows), rows)]
"""
    rows = Table.of({"x": [1.0, 2.0], "y": [10.0, 20.0]})
    project.write({"main": source, "parts": features.format(1)})
    champion = workspace.pipelines.run(project.load().first, {"rows": rows}).result
    project.write({"parts": features.format(-1)})
    made = workspace.pipelines.run(project.load().second, {"model": champion, "rows": rows})

    first, second = workspace.runs.runs
    assert {"fit.model": workspace.objects.read(champion.blob)} == first.artifacts
    assert ["fit.model"] == list(second.artifacts)
    assert (made.code_tree, made.environment) == (second.surroundings["code"], second.surroundings["environment"])
    assert [10.0, 10.0] == pytest.approx([workspace.pipelines.value(stored) for stored in made.result])


COLUMNS = """
import polars as pl
import homeostat as hs
from homeostat.codec.tables import Dataset, Table
@hs.step(columns={"rows": ["x"]})
def total(rows: Table) -> int: return int(rows.polars().select(pl.sum_horizontal(pl.all()).sum()).item())
@hs.step
def same(rows: Table) -> Table: return rows
@hs.pipeline
def chain(rows: Table): return total(rows)
@hs.pipeline
def derived(rows: Table): return total(same(rows))
"""


@pytest.mark.parametrize("pipeline", ["chain", "derived"])
def test_columns_that_are_not_chosen_do_not_count(workspace: Any, project: Any, pipeline: str) -> None:
    """A step is given the columns it chose, and a change of another one is a hit; of one of them it is not."""
    project.write({"main": COLUMNS})
    chosen = getattr(project.load(), pipeline)
    tables = [{"x": [1, 2], "y": [1, 1]}, {"x": [1, 2], "y": [2, 2]}, {"x": [1, 3], "y": [2, 2]}]
    runs = [workspace.pipelines.run(chosen, {"rows": Table.of(rows)}) for rows in tables]

    assert ["ran", "cached", "ran"] == [made.actions[-1].status for made in runs]
    assert [3, 3, 4] == [workspace.pipelines.value(made.result) for made in runs]


def test_plain_call_is_given_the_chosen_columns(project: Any) -> None:
    """A unit test of a step sees what a run sees."""
    project.write({"main": COLUMNS})

    assert 3 == project.load().total(Table.of({"x": [1, 2], "y": [5, 5]}))


def test_missing_column_is_named(workspace: Any, project: Any) -> None:
    """A column that was chosen must be there."""
    project.write({"main": COLUMNS})
    with pytest.raises(MissingColumn, match=r"Step total, parameter rows: no column 'x'\. There are: y\."):
        workspace.pipelines.run(project.load().chain, {"rows": Table.of({"y": [1]})})


def test_repeating_tells_who_is_deterministic(workspace: Any, project: Any) -> None:
    """Each step runs again in a fresh process, cached ones too, and its action says if it made the same."""
    source = """
import os
import homeostat as hs
@hs.step
def firm() -> int: return 1
@hs.step
def loose() -> int: return os.getpid()
@hs.pipeline
def chain(): return [firm(), loose()]
"""
    project.write({"main": source})
    chain = project.load().chain
    runs = [workspace.pipelines.run(chain, {}, is_twice=is_twice) for is_twice in (False, True)]

    assert [["", ""], ["same", "differs"]] == [[action.repeated for action in made.actions] for made in runs]
    assert "differs" == workspace.pipelines.why("loose").repeated


def test_steps_with_processes_run_side_by_side(workspace: Any, project: Any) -> None:
    """Steps that do not depend on each other do not wait for each other; what depends on them does."""
    source = """
import time
import homeostat as hs
from pathlib import Path
@hs.step(executor="process")
def meet(me: str, other: str) -> str:
    Path(me).touch()
    while not Path(other).exists(): time.sleep(0.01)
    return me
@hs.step(executor="process")
def both(names: list[str]) -> int: return len(names)
@hs.pipeline
def chain(one: str, two: str): return both([meet(one, two), meet(two, one)])
"""
    project.write({"main": source})
    workspace.pipelines._resources = Resources(2, 0)  # the machine may have one processor
    one, two = (str(project.root.parent / name) for name in ("one", "two"))
    made = workspace.pipelines.run(project.load().chain, {"one": one, "two": two})

    assert 2 == workspace.pipelines.value(made.result)
    assert ["meet", "meet", "both"] == [action.step for action in made.actions]
