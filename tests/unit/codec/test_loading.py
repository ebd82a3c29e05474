import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression

from homeostat.codec.loading import load, version_differences
from homeostat.codec.models import Model, describe, encode
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject

CODE = Digest("c" * 64)
ROWS = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})


@pytest.fixture(autouse=True)
def own_imports() -> Iterator[None]:
    """Each test leaves the imports of the process as it found them."""
    path, modules = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def code(root: Path, factor: float, *, layout: str = ".") -> Path:
    """A project whose transform multiplies by `factor`, through a module that it imports."""
    package = root / layout / "rainfall"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "factors.py").write_text(f"FACTOR = {factor}\n")
    (package / "features.py").write_text(
        "from rainfall.factors import FACTOR\n\ndef scaled(rows):\n    return rows.select(rows['x'] * FACTOR)\n"
    )
    return root


def file_from(root: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A model trained by the code in `root`, as another process would leave it."""
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(root))
        transform = importlib.import_module("rainfall.features").scaled
        estimator = LinearRegression(fit_intercept=False).fit([[1.0], [2.0]], [1.0, 2.0])
        content = encode(Model(estimator, transform, name="rain", example=ROWS), code=CODE)
    for name in [name for name in sys.modules if name.startswith("rainfall")]:
        del sys.modules[name]
    return content


def predicted(model: Model) -> list[float]:
    return [round(value, 9) for value in model.predict(ROWS).tolist()]


@pytest.mark.parametrize("layout", [".", "src"])
def test_a_loaded_model_is_the_one_that_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    """Predictions, name and signature come back; the transform is found in the code tree, flat or under src."""
    root = code(tmp_path, 2.0, layout=layout)
    content = file_from(root / layout, monkeypatch)

    model = load(content, root)

    assert [2.0, 4.0, 6.0] == predicted(model)
    assert ("rain", ["x"]) == (model.name, model.signature.names if model.signature else None)


def test_in_a_blank_process_the_code_stays_importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transform of the worker may import when it is called."""
    content = file_from(code(tmp_path, 2.0), monkeypatch)

    load(content, tmp_path)

    assert str(tmp_path) == sys.path[0]
    assert 2.0 == importlib.import_module("rainfall.factors").FACTOR


def test_two_versions_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Champion and challenger each with the code they were trained with, also where both have the same module names."""
    old, new = code(tmp_path / "old", 2.0), code(tmp_path / "new", 3.0)
    content = file_from(old, monkeypatch)

    champion, challenger = load(content, old), load(content, new)

    assert [2.0, 4.0, 6.0] == predicted(champion)
    assert [3.0, 6.0, 9.0] == predicted(challenger)


def test_what_the_process_had_imported_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading an old model does not change the code that the process works with."""
    old, new = code(tmp_path / "old", 2.0), code(tmp_path / "new", 3.0)
    content = file_from(old, monkeypatch)
    monkeypatch.syspath_prepend(str(new))
    current = importlib.import_module("rainfall.features")
    path = sys.path[:]

    load(content, old)

    assert current is sys.modules["rainfall.features"]
    assert 3.0 == importlib.import_module("rainfall.factors").FACTOR
    assert path == sys.path


def test_without_a_code_tree_the_modules_of_the_process_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step runs in the project already."""
    content = file_from(code(tmp_path, 2.0), monkeypatch)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert [2.0, 4.0, 6.0] == predicted(load(content, None))


def test_missing_code_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which tree is needed and which folder was given."""
    content = file_from(code(tmp_path / "right", 2.0), monkeypatch)
    (tmp_path / "wrong").mkdir()

    with pytest.raises(CorruptObject, match=r"No module named 'rainfall'.*code tree cccccccc.*/wrong"):
        load(content, tmp_path / "wrong")


@pytest.mark.parametrize("estimator", [b"", pickle.dumps(LinearRegression())[:-20], b"garbage"])
def test_a_broken_pickle_is_a_corrupt_object(estimator: bytes) -> None:
    """Cut off or overwritten, it is never half a model."""
    file = describe(encode(Model(LinearRegression(), example=ROWS), code=CODE))

    with pytest.raises(CorruptObject, match="cannot be loaded here"):
        load(msgspec.msgpack.encode(msgspec.structs.replace(file, estimator=estimator)), None)


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ({}, {}),
        ({"numpy": "1.0"}, {"numpy": ("1.0", np.__version__)}),
        ({"catboost": "2.0"}, {"catboost": ("2.0", None)}),
    ],
)
def test_differences_of_versions_are_told(recorded: dict[str, str], expected: dict[str, Any]) -> None:
    """Nothing is refused for them; whoever wants to know is told both versions."""
    file = describe(encode(Model(LinearRegression(), example=ROWS), code=CODE))
    older = msgspec.structs.replace(file, libraries={**file.libraries, **recorded})

    assert expected == version_differences(older)
