"""Models in MLflow's format, described without running them."""

import json
from itertools import pairwise
from typing import Any

import pytest
import yaml

from homeostat.codec.mlmodels import describe, needed
from homeostat.codec.model_folders import is_folder, read_folder, write_folder
from homeostat.codec.signatures import Column
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, InvalidDeclaration

FUNCTION = {"python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.11.7"}, "sklearn": {}}


def mlmodel(inputs: Any = None, **said: Any) -> bytes:
    signature = {} if inputs is None else {"signature": {"inputs": json.dumps(inputs), "outputs": "[]", "params": None}}
    text: str = yaml.safe_dump({"flavors": FUNCTION, "mlflow_version": "3.17.2", **signature, **said})
    return text.encode()


def tensor(shape: list[int], dtype: str = "float64", **named: str) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **named}


def test_named_columns_become_ours() -> None:
    """Each with our type; what a row may leave out is said."""
    found = describe(
        mlmodel(
            [
                {"type": "long", "name": "age", "required": True},
                {"type": "float", "name": "income", "required": False},
                {"type": "datetime", "name": "since", "required": True},
                {"type": "array", "items": {"type": "double"}, "name": "history", "required": True},
            ]
        ),
        b"mlflow==3.17.2\nscikit-learn==1.9.1\n",
    )

    expected = (
        Column("age", "int"),
        Column("income", "float", is_required=False),
        Column("since", "timestamp"),
        Column("history", "json"),
    )
    assert expected == found.inputs.columns
    assert (("python_function", "sklearn"), "3.11.7", True) == (found.flavours, found.python, found.is_described)
    assert ("mlflow==3.17.2", "scikit-learn==1.9.1") == found.requirements


@pytest.mark.parametrize(
    ("inputs", "columns"),
    [
        ([tensor([-1, 3])], [Column("0", "float"), Column("1", "float"), Column("2", "float")]),
        ([tensor([-1], "int64")], [Column("0", "int")]),
        ([tensor([-1, 28, 28], "uint8")], [Column("input", "json")]),
        ([tensor([-1, -1])], [Column("input", "json")]),
        ([tensor([-1], name="a"), tensor([-1, 5], name="b")], [Column("a", "float"), Column("b", "json")]),
        ([{"type": "double"}, {"type": "string"}], [Column("0", "float"), Column("1", "string")]),
        (None, [Column("*", "row")]),
    ],
)
def test_tensors_and_silence_become_columns(inputs: Any, columns: list[Column]) -> None:
    """A short row of numbers is columns named by their places, anything larger one JSON value, no signature the whole row."""
    assert tuple(columns) == describe(mlmodel(inputs)).inputs.columns


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        (
            "mlflow==3.17.2\nnumpy==2.4.6\npandas<3\n",
            ["mlflow-skinny==3.17.2", "numpy==2.4.6", "pandas<3", "msgspec"],
        ),
        ("cloudpickle==3.1.3", ["cloudpickle==3.1.3", "mlflow-skinny==3.17.2", "msgspec", "numpy", "pandas"]),
        ("mlflow[genai]==3.17.2", ["mlflow[genai]==3.17.2", "msgspec", "numpy", "pandas"]),
        ("mlflow-skinny>=3\n-c constraints.txt", ["mlflow-skinny>=3", "msgspec", "numpy", "pandas"]),
        ("", ["mlflow-skinny==3.17.2", "msgspec", "numpy", "pandas"]),
    ],
)
def test_the_least_that_loads_a_model(requirements: str, expected: list[str]) -> None:
    """Its own requirements, with the part of MLflow that loads instead of all of it, and what our worker speaks with."""
    assert expected == list(needed(describe(mlmodel(), requirements.encode())))


@pytest.mark.parametrize(
    "text", [b"flavors: [", b"- 1", b"flavors: {python_function: 1}\nsignature: {inputs: '{'}", b"{}"]
)
def test_a_damaged_description_is_named(text: bytes) -> None:
    """What cannot be read is damage, not an answer."""
    with pytest.raises(CorruptObject, match="MLmodel"):
        describe(text)


def test_yaml_makes_no_objects() -> None:
    """A description that asks for a Python object is refused."""
    with pytest.raises(CorruptObject):
        describe(b"flavors: !!python/object/apply:os.system ['true']")


def test_a_model_that_is_no_function_is_refused() -> None:
    """With the flavours it has."""
    with pytest.raises(InvalidDeclaration, match="it has: spark"):
        describe(yaml.safe_dump({"flavors": {"spark": {}}}).encode())


def test_a_folder_is_the_list_of_its_files() -> None:
    """And is told from a model file of ours by its first bytes."""
    files = {"MLmodel": Digest("a" * 64), "data/model.pkl": Digest("b" * 64)}

    written = write_folder(files)

    assert files == read_folder(written).files
    assert is_folder(written)
    assert not is_folder(b"\x8aformat")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/./b", "a\\b"])
def test_no_path_leads_out_of_a_folder(path: str) -> None:
    """Such a list is refused whole."""
    with pytest.raises(CorruptObject, match="leads out"):
        read_folder(write_folder({"MLmodel": Digest("a" * 64), path: Digest("b" * 64)}))


def test_a_folder_without_a_description_cannot_run() -> None:
    """The error says what there is instead."""
    with pytest.raises(CorruptObject, match=r"no file MLmodel.*weights\.bin"):
        read_folder(write_folder({"weights.bin": Digest("a" * 64)}))


def test_a_billion_laughs_are_no_text() -> None:
    """Names that YAML repeats stand for a billion words: where a text belongs they are refused, unwritten."""
    names = "abcdefghi"
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    lines.append("flavors: {python_function: {loader_module: *i}}")
    with pytest.raises(CorruptObject, match="where a text belongs"):
        describe("\n".join(lines).encode())


def test_a_deep_description_cannot_be_read() -> None:
    """It is damaged, not a failure of whoever reads it."""
    with pytest.raises(CorruptObject, match="cannot be read"):
        describe(b"flavors: " + b"[" * 10_000)
