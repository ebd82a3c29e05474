"""`homeostat models`: a list by default, one version with `show`."""

from pathlib import Path

import pytest

from command_line import Call
from homeostat.core.digests import Digest, canonical_json
from homeostat.reproduction.facts import ModelReproduced
from homeostat.reproduction.records import Difference, Reproduction
from homeostat.store import ledger
from homeostat.workspace import Reproductions, Workspace

MODEL = Digest("ab" * 32)


@pytest.fixture
def reproduced(project: Path) -> Path:
    """A project with `clicks@1`, whose model was made again with grade D before it was a version."""
    made = Reproduction(
        name="run-1",
        system="clicks",
        number=0,
        model=MODEL,
        remade=Digest("cd" * 32),
        run_id="run-1",
        grade="D",
        differences=(Difference(kind="hardware", node="cpu", recorded="Haswell", found="Zen"),),
        probe=None,
        environment="rebuilt",
        environment_why="",
        error="",
        sentence="run-1 was made again, grade D.",
        took_s=1.0,
        cause="It depends on blas.",
    )
    with Workspace.open(project) as workspace:
        digest = workspace.objects.put(canonical_json(made))
        fact = ModelReproduced(
            system="clicks",
            number=0,
            run_id="run-1",
            model=MODEL,
            grade="D",
            reproduction=digest,
            sentence=made.sentence,
        )
        with workspace.database.write() as connection:
            ledger.append(connection, workspace.clock.now(), fact)
            workspace.registry.register(connection, "clicks", model=MODEL, run_id="run-1", data=("dataset:rows@1",))
    return project


@pytest.mark.parametrize("words", [(), ("clicks",), ("list", "clicks")])
def test_versions_are_listed_with_the_grade_of_their_reproduction(
    call: Call, reproduced: Path, words: tuple[str, ...]
) -> None:
    """Without a command, with a system only, and by the command's name."""
    found = call("models", *words, "--json").json

    assert ({"clicks@1": "D"}, ["run-1"]) == (found["reproduced"], [one["run_id"] for one in found["models"]])


def test_show_tells_what_came_of_making_it_again(call: Call, reproduced: Path) -> None:
    """Grade, differences and cause; the model counts, whatever it was called when it was made again."""
    said = call("models", "show", "clicks@1").out

    assert "made again: grade D. run-1 was made again, grade D." in said
    assert "hardware cpu: Haswell → Zen\n    It depends on blas." in said


def test_show_says_how_to_make_it_again(call: Call, reproduced: Path) -> None:
    """A version nobody has tried names the command; one that is not there is an error."""
    with Workspace.open(reproduced) as workspace, workspace.database.write() as connection:
        workspace.registry.register(connection, "clicks", model=Digest("ef" * 32), run_id="run-2")

    assert "not made again yet: homeostat reproduce clicks@2" in call("models", "show", "clicks@2").out
    assert 3 == call("models", "show", "clicks@3").code


def test_a_run_that_cannot_be_made_again_fails_the_gate_and_nothing_else(project: Path) -> None:
    """What the loop is told of a command that failed is grade F with its words."""
    found = Reproductions(project).reproduce("run-nothing")

    assert "F" == found.grade
    assert "exit code 3" in found.sentence
    assert "run-nothing" in found.sentence
