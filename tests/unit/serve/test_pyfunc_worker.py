"""The worker of logged models, with a stand-in for MLflow; with the real one it is in the e2e tests."""

import ast
import gc
import importlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec import msgpack

from homeostat.serve.frames import (
    Failure,
    Frame,
    FrameReader,
    Kind,
    Load,
    Ready,
    decode_scores,
    encode_batch,
    encode_columns,
    encode_struct,
)

COLUMNS = (("age", "int"), ("income", "float"), ("since", "timestamp"))


class MlflowException(Exception):
    error_code = "INVALID_PARAMETER_VALUE"
    message = "age is no number"


class Model:
    """What `load_model` gives: answers with `answer(asked)`, and knows the fields of its signature, if any."""

    def __init__(self, answer: Any, fields: list[Any] | None, *, is_tensor: bool = False) -> None:
        self.asked: list[Any] = []
        self._answer = answer
        schema = None
        if fields is not None:
            schema = SimpleNamespace(
                inputs=fields,
                is_tensor_spec=lambda: is_tensor,
                has_input_names=lambda: all(field.name is not None for field in fields),
            )
        self.metadata = SimpleNamespace(get_input_schema=lambda: schema)

    def predict(self, asked: Any) -> Any:
        self.asked.append(asked)
        return self._answer(asked)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module, imported beside a stand-in for the package that is not here."""
    mlflow, pyfunc, exceptions = ModuleType("mlflow"), ModuleType("mlflow.pyfunc"), ModuleType("mlflow.exceptions")
    mlflow.pyfunc = pyfunc  # type: ignore[attr-defined]
    exceptions.MlflowException = MlflowException  # type: ignore[attr-defined]
    for module in (mlflow, pyfunc, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    yield importlib.import_module("homeostat.serve.pyfunc_worker")
    del sys.modules["homeostat.serve.pyfunc_worker"]
    gc.unfreeze()  # a worker freezes what its model is made of, and would all of the tests


def fields(**types: str) -> list[Any]:
    return [SimpleNamespace(name=name, type=SimpleNamespace(name=kind)) for name, kind in types.items()]


def scores(worker: ModuleType, model: Model, columns: Any, values: list[list[Any]]) -> Any:
    worker.mlflow.pyfunc.load_model = lambda _folder: model
    return worker.Scorer("folder", [list(column) for column in columns]).scores(values)


def test_a_frame_has_the_types_of_the_signature(worker: ModuleType) -> None:
    """Named columns, cast to what MLflow's own check wants: 32 bits where it says so, instants as instants."""
    model = Model(lambda frame: frame["income"], fields(age="integer", income="float", since="datetime"))

    found = scores(worker, model, COLUMNS, [[30, 40], [1.5, None], [0, 86_400_000_000]])

    frame = model.asked[0]
    assert ["int32", "float32"] == [str(frame[name].dtype) for name in ("age", "income")]
    assert pd.Timestamp("1970-01-02") == frame["since"][1]
    assert 1.5 == found[0]
    assert np.isnan(found[1])


def test_whole_numbers_with_gaps_are_floats(worker: ModuleType) -> None:
    """As pandas would have read them; whether that fits is for the model's own check."""
    model = Model(lambda frame: frame["age"], fields(age="long"))

    scores(worker, model, [("age", "int")], [[1, None]])

    assert "float64" == str(model.asked[0]["age"].dtype)


def test_a_tensor_gets_its_shape_and_type(worker: ModuleType) -> None:
    """Columns named by their places are one array; a JSON value becomes what its shape says; names give arrays by name."""
    flat = Model(
        lambda array: array.sum(axis=1),
        [SimpleNamespace(name=None, type=np.dtype("f4"), shape=(-1, 2))],
        is_tensor=True,
    )
    image = Model(
        lambda array: array[:, 0, 1],
        [SimpleNamespace(name=None, type=np.dtype("f8"), shape=(-1, 2, 2))],
        is_tensor=True,
    )
    named = Model(lambda by: by["a"], [SimpleNamespace(name="a", type=np.dtype("i8"), shape=(-1,))], is_tensor=True)

    assert [3.0, 7.0] == scores(worker, flat, [("0", "float"), ("1", "float")], [[1, 3], [2, 4]]).tolist()
    assert "float32" == str(flat.asked[0].dtype)
    assert [2.0] == scores(worker, image, [("input", "json")], [[[[1, 2], [3, 4]]]]).tolist()
    assert [5.0] == scores(worker, named, [("a", "int")], [[5]]).tolist()


def test_without_a_signature_the_row_decides(worker: ModuleType) -> None:
    """Fields with names are a frame, without names an array."""
    model = Model(lambda asked: np.asarray(asked)[:, -1], None)

    scores(worker, model, [("*", "row")], [[{"a": 1, "b": 2}]])
    scores(worker, model, [("*", "row")], [[{"0": 1, "1": 2}]])

    assert ["a", "b"] == list(model.asked[0].columns)
    assert [[1, 2]] == model.asked[1].tolist()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (np.array([[0.25, 0.75], [1.0, 0.0]]), [0.75, 0.0]),
        (pd.DataFrame({"prediction": [3, 4]}), [3.0, 4.0]),
        ([True, False], [1.0, 0.0]),
    ],
)
def test_an_answer_is_one_number_a_row(worker: ModuleType, answer: Any, expected: list[float]) -> None:
    """The second of two probabilities; a single column; yes and no as 1 and 0."""
    assert expected == worker.one_number_a_row(answer, 2).tolist()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.array([[1.0, 2.0], [3.0, 4.0]]), "one number a row"),
        (["good", "bad"], "predict_proba"),
        ([1.0], r"shape \(1,\)"),
    ],
)
def test_an_answer_that_is_no_score_is_refused(worker: ModuleType, answer: Any, said: str) -> None:
    """With what to log instead."""
    with pytest.raises(worker.Refused, match=said):
        worker.one_number_a_row(answer, 2)


def test_it_is_written_for_older_pythons(worker: ModuleType) -> None:
    """A model runs on the Python it was logged with, so its worker uses nothing that came after 3.9."""
    ast.parse(Path(str(worker.__file__)).read_text(), feature_version=(3, 9))


def test_it_speaks_the_protocol_of_the_gateway(worker: ModuleType) -> None:
    """Loads once, scores the rows of several requests together, and outlives what a model refuses."""

    def answer(frame: Any) -> Any:
        if frame["age"][0] < 0:
            raise MlflowException
        return frame["age"] * 2

    model = Model(answer, fields(age="long"))
    worker.mlflow.pyfunc.load_model = lambda _folder: model
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=worker.serve, args=(theirs,))
    serving.start()
    reader = FrameReader()

    def ask(frame: bytes) -> Frame:
        ours.sendall(frame)
        return next(iter(reader.feed(ours.recv(1 << 16))))

    early = ask(encode_batch(1, [encode_columns([[1]])]))
    loaded = ask(encode_struct(Kind.LOAD, 2, Load(model="folder", code="", columns=(("age", "int"),))))
    scored = ask(encode_batch(3, [encode_columns([[1, 2]]), encode_columns([[3]])]))
    refused = ask(encode_batch(4, [encode_columns([[-1]])]))
    ours.close()
    serving.join()
    theirs.close()

    assert "step-failed" == msgpack.decode(early.payload, type=Failure).code
    assert (Kind.READY, "") == (loaded.kind, msgpack.decode(loaded.payload, type=Ready).cold_reason)
    assert [2.0, 4.0, 6.0] == decode_scores(scored.payload)
    assert "wrong-type" == msgpack.decode(refused.payload, type=Failure).code
    assert [1, 2, 3, 4] == [early.id, loaded.id, scored.id, refused.id]
