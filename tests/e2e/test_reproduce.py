"""Models made again from their records, by real processes, and what is said when something was tampered with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from homeostat.capture.environment import Package, read_environment
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import NotFound
from homeostat.data.records import Manifest
from homeostat.pipelines import queries as pipeline_queries
from homeostat.reproduction.queries import latest
from homeostat.reproduction.records import Reproduction
from homeostat.reproduction.service import reproduce
from homeostat.store import lineage
from homeostat.store.db.schema.pipelines import pipeline_runs
from loop_world import MODULE, SYSTEM, World, copied

pytestmark = pytest.mark.e2e

FIT = "estimator = LogisticRegression().fit("
UNSEEDED = """noise = __import__("numpy").random.default_rng().normal(size=(past.height, 1))
    estimator = LogisticRegression().fit(noise + """
# Whoever trains first is online; the process that makes the model again says by its path that it is not.
ONLINE = f"""if "offline" in __import__("os").environ.get("PYTHONPATH", ""):
        __import__("socket").create_connection(("127.0.0.1", 9))
    {FIT}"""


def trained(root: Path, change: Callable[[str], str]) -> None:
    """Leave a world in `root` with its first champion, of a changed project."""
    world = World.create(root, module=change(MODULE))
    world.first_champion()
    world.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`clicks@1`, trained as it should be."""
    root = tmp_path_factory.mktemp("reproduction") / "template"
    trained(root, lambda module: module)
    return root


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    with copied(template, tmp_path / "project") as world:
        yield world


def test_untouched_model_comes_out_byte_for_byte(world: World, tmp_path: Path) -> None:
    """The same code, rows and packages make the same bytes; the record is kept as object, lineage node and fact."""
    made = reproduce(world.workspace, f"{SYSTEM}@1", keep=tmp_path / "kept")

    assert ("A", (), "rebuilt", "") == (made.grade, made.differences, made.environment, made.error), made.sentence
    assert made.probe is not None
    assert made.probe.recorded == made.probe.remade
    with world.workspace.database.read() as connection:
        kept = latest(connection, SYSTEM)[1]
        made_of_it = lineage.downstream(connection, f"model-version:{SYSTEM}@1")
    assert f"reproduction:{kept.fact.reproduction}" in {edge.child for edge in made_of_it}
    assert made == kept.record(world.workspace.objects)


def test_damaged_segment_is_named(world: World) -> None:
    """A changed byte in the rows of the training is found before anything is trained on them."""
    datasets = world.workspace.datasets
    version = datasets.version("visits", 1)
    manifest = msgspec.json.decode(world.workspace.objects.read(version.manifest), type=Manifest)
    path = world.workspace.objects.path(manifest.segments[0].parts[0].object)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)

    made = reproduce(world.workspace, f"{SYSTEM}@1")

    assert "F" == made.grade
    assert made.first is not None
    assert ("input", "dataset visits@1") == (made.first.kind, made.first.node)
    assert made.first.detail.startswith("CorruptObject: dataset:visits@1 cannot be read: its segment")


def test_changed_package_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorded version that cannot be installed here is named, and the grade says that it did not matter."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    objects = world.workspace.objects
    with world.workspace.database.read() as connection:
        run = pipeline_queries.recent(connection, system=SYSTEM, limit=1)[0]
    recorded = read_environment(run.environment, objects)
    packages = tuple(
        Package("numpy", "0.0.1", Digest("0" * 64)) if package.name == "numpy" else package
        for package in recorded.packages
    )
    other = objects.put(canonical_json(msgspec.structs.replace(recorded, packages=packages)))
    with world.workspace.database.write() as connection:
        connection.execute(update(pipeline_runs).where(pipeline_runs.c.id == run.id).values(environment=other))

    made = reproduce(world.workspace, f"{SYSTEM}@1")

    assert ("A", "other") == (made.grade, made.environment), made.sentence
    assert made.first is not None
    assert ("environment", "numpy", "0.0.1") == (made.first.kind, made.first.node, made.first.recorded)
    assert "uv" in made.environment_why


def test_code_changed_behind_the_run_is_named(world: World) -> None:
    """A code tree that is not what ran gives another step: its function is named, then its output."""
    objects = world.workspace.objects
    with world.workspace.database.read() as connection:
        run = pipeline_queries.recent(connection, system=SYSTEM, limit=1)[0]
    source = world.workspace.root / "clicks_project.py"
    tree = msgspec.json.decode(objects.read(run.code_tree))
    changed = objects.put(source.read_text().replace("LogisticRegression()", "LogisticRegression(C=0.01)").encode())
    tree["files"]["clicks_project.py"][0] = changed
    other = objects.put(canonical_json(tree))
    with world.workspace.database.write() as connection:
        connection.execute(update(pipeline_runs).where(pipeline_runs.c.id == run.id).values(code_tree=other))

    made = reproduce(world.workspace, f"{SYSTEM}@1")

    assert "F" == made.grade
    assert [("code", True), ("output", True)] == [
        (difference.kind, "train" in difference.node) for difference in made.differences
    ]


def test_unseeded_step_diverges_at_its_output(tmp_path: Path) -> None:
    """A generator without a seed makes another model each time: that step's output is the first difference."""
    made = reproduced(tmp_path / "project", lambda module: module.replace(FIT, UNSEEDED))

    assert "F" == made.grade
    assert made.first is not None
    assert ("output", "train") == (made.first.kind, made.first.node)
    assert made.first.detail.startswith("canonical hash")


def test_step_that_needs_the_network_fails(tmp_path: Path) -> None:
    """What a training fetched is not in its record: made again it fails, and its step is named."""
    made = reproduced(tmp_path / "project", lambda module: module.replace(FIT, ONLINE))

    assert ("F", "") == (made.grade, made.remade)
    assert made.first is not None
    assert ("output", "train") == (made.first.kind, made.first.node)
    assert "The network is off while a model is made again" in made.first.detail


def test_unknown_version_is_not_found(world: World) -> None:
    """A version that was never trained cannot be made again."""
    with pytest.raises(NotFound, match="There is no model version clicks@7"):
        reproduce(world.workspace, f"{SYSTEM}@7")


def reproduced(root: Path, change: Callable[[str], str]) -> Reproduction:
    """The reproduction of the first model of a changed project."""
    trained(root, change)
    with copied(root, root.with_name("moved")) as world:
        return reproduce(world.workspace, f"{SYSTEM}@1")
