"""Lineage for people, on a small workspace with two versions and some answers."""

from collections.abc import Iterator

import pytest

from homeostat.core.clock import DAY
from homeostat.core.errors import InvalidName, NotFound
from homeostat.tracing import impact, parse_version, trace
from loop_world import SYSTEM, World, visits


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`clicks@1` was trained on `visits@1` and answered; `visits@2` came later and trained nothing."""
    world = World.create(tmp_path_factory.mktemp("tracing") / "project")
    world.first_champion()
    later = visits(rows=50, until=world.now, days=1, seed=1)
    world.workspace.datasets.append("visits", later, source="feed/1")
    yield world
    world.close()


@pytest.fixture(scope="module")
def prediction(world: World) -> str:
    return world.answer(10)[3]


def test_prediction_is_traced_to_its_source(world: World, prediction: str) -> None:
    """From one answer through version, gates, model, action, code and data to the file that was delivered."""
    links = trace(world.workspace, prediction).links

    kinds = [link.what for link in links]
    assert [
        "arm and generation",
        "model version",
        "gates",
        "model",
        "training action",
        "code",
        "environment",
        "code tree",
        "table version",
        "source",
    ] == kinds
    nodes = {link.what: link.node for link in links}
    assert (f"deployment:{SYSTEM}@1", f"model-version:{SYSTEM}@1", "dataset:visits@1", "source:feed/0") == (
        nodes["arm and generation"],
        nodes["model version"],
        nodes["table version"],
        nodes["source"],
    )


def test_trace_shows_the_prediction_itself(world: World, prediction: str) -> None:
    """The answer is shown as it was logged, with its instant for people."""
    shown = trace(world.workspace, prediction).prediction

    assert (prediction, 1, 0.9, 1.0) == (shown["id"], shown["version"], shown["score"], shown["in_x"])
    assert ("2013-01-07T", "Z") == (shown["at"][:11], shown["at"][-1])


@pytest.mark.parametrize("text", ["nonsense", "clicks:g1:one:2", "../x:g1:1:2"])
def test_trace_of_what_is_no_id(world: World, text: str) -> None:
    """What is no id of a prediction is refused as such."""
    with pytest.raises(InvalidName):
        trace(world.workspace, text)


def test_trace_of_a_prediction_that_is_not_there(world: World, prediction: str) -> None:
    """An id beyond the log's end is not found, by name."""
    beyond = prediction.rpartition(":")[0] + ":99999"

    with pytest.raises(NotFound, match="99999"):
        trace(world.workspace, beyond)


def test_impact_of_the_training_data(world: World, prediction: str) -> None:
    """A dataset version knows the versions trained on it, what served them, and how many answers they gave."""
    touched = impact(world.workspace, "visits", 1)

    assert (f"{SYSTEM}@1",) == touched.models == touched.trained_on_it
    assert (1, (f"{SYSTEM}@1",)) == (touched.later_versions, touched.deployments)
    assert {f"{SYSTEM}@1": 10} == touched.predictions


def test_impact_of_data_that_trained_nothing(world: World) -> None:
    """A version that came after the training touched no model and no answer."""
    touched = impact(world.workspace, "visits", 2)

    assert ((), (), (), {}) == (touched.models, touched.trained_on_it, touched.deployments, touched.predictions)


def test_impact_of_a_version_that_is_not_there(world: World) -> None:
    """The message says which versions there are."""
    with pytest.raises(NotFound, match="its versions are 1 to 2"):
        impact(world.workspace, "visits", 9)


def test_version_is_parsed() -> None:
    """`dataset@number`, also if the dataset's name holds dots and dashes."""
    assert ("my-rows.v2", 12) == parse_version("my-rows.v2@12")


@pytest.mark.parametrize("text", ["flights", "flights@", "@12", "flights@latest", ""])
def test_version_that_is_none(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(InvalidName, match="dataset@number"):
        parse_version(text)


def test_the_world_moves_on(world: World, prediction: str) -> None:
    """An answer stays traceable after time has passed."""
    before = trace(world.workspace, prediction)

    world.advance(DAY)

    assert before == trace(world.workspace, prediction)
