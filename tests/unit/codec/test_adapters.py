"""Models of every kind that a run may keep, with what shows their columns, and back again."""

import math
import operator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from homeostat.codec.adapters import FunctionModel, OnnxModel, adapted
from homeostat.codec.loading import load
from homeostat.codec.models import Model, describe, encode_any
from homeostat.codec.signatures import Column, as_frame
from homeostat.core.digests import Digest
from homeostat.core.errors import InvalidDeclaration, WrongType

X = np.random.default_rng(5).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
FRAME = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
CODE = Digest("c" * 64)


def back(model: Any, example: Any = None) -> Model:
    """Through the bytes of a model file."""
    return load(encode_any(model, example, CODE), None)


def total(rows: pl.DataFrame) -> list[float]:
    """A model that is a function."""
    return [math.fsum(row) for row in rows.iter_rows()]


@pytest.mark.parametrize("kind", ["polars", "arrow", "array", "dict", "rows", "pandas"])
def test_an_example_is_any_table(kind: str) -> None:
    """Its columns are those of the signature, and it predicts as the estimator does."""
    if kind == "pandas":
        pytest.importorskip("pandas", reason="pandas is an extra")
    forms = {
        "polars": lambda: FRAME,
        "arrow": FRAME.to_arrow,
        "array": lambda: X,
        "dict": lambda: FRAME.to_dict(as_series=False),
        "rows": FRAME.to_dicts,
        "pandas": FRAME.to_pandas,
    }
    rows = forms[kind]()
    estimator = LogisticRegression().fit(X, Y)
    model = back(estimator, rows)

    assert model.signature is not None
    assert (["0", "1", "2"] if kind == "array" else ["a", "b", "c"]) == model.signature.names
    assert estimator.predict_proba(X)[:, 1].tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("rows", ["text", 3, [1, 2], {"a": [1], "b": [1, 2]}, np.zeros((2, 2, 2))])
def test_what_is_no_table_is_said(rows: Any) -> None:
    """With the type it has."""
    with pytest.raises(WrongType, match="no table of rows"):
        as_frame(rows)


def test_an_estimator_says_its_columns() -> None:
    """Without an example they are those it was fitted with; what says none needs an example."""
    named = describe(encode_any(LinearRegression().fit(FRAME, X[:, 0]), None, CODE)).signature
    counted = describe(encode_any(LinearRegression().fit(X, X[:, 0]), None, CODE)).signature

    assert (("a", "b", "c"), ("0", "1", "2")) == (tuple(named.names), tuple(counted.names))
    assert Column("a", "float") == named.columns[0]
    with pytest.raises(InvalidDeclaration, match="which columns"):
        encode_any(total, None, CODE)


@pytest.mark.parametrize(
    ("estimator", "verb"),
    [
        (LogisticRegression().fit(X, THREE), "predict_proba"),
        (LinearSVC().fit(X, Y), "predict"),
        (Ridge().fit(X, X), "predict"),
        (PCA(2).fit(X), "transform"),
    ],
)
def test_what_gives_more_than_a_number_is_kept_too(estimator: Any, verb: str) -> None:
    """It comes back and predicts as before, and is marked as what cannot be served."""
    model = back(estimator, X)

    assert "other" == model.kind
    assert getattr(estimator, verb)(X).tolist() == model.predict(X).tolist()
    if verb != "predict" or isinstance(estimator, LinearSVC):
        with pytest.raises(InvalidDeclaration):
            Model(estimator, example=X)


def test_clusters_are_numbers() -> None:
    """One a row: such a model could be served."""
    estimator = KMeans(2, n_init=1).fit(X)

    assert ("regressor", estimator.predict(X).tolist()) == (
        back(estimator, X).kind,
        back(estimator, X).predict(X).tolist(),
    )


def test_a_function_is_a_model() -> None:
    """It gets a frame of the columns of its example; another process finds it by its name."""
    model = back(total, FRAME)

    assert isinstance(model.estimator, FunctionModel)
    assert total(FRAME) == model.predict(FRAME).tolist()
    assert isinstance(adapted(operator.itemgetter("a")), FunctionModel)


@pytest.mark.parametrize("function", [lambda rows: rows["a"], lambda rows: rows["b"]])
def test_a_function_without_a_name_is_refused(function: Any) -> None:
    """No other process could find it."""
    with pytest.raises(InvalidDeclaration, match="top level of a module"):
        encode_any(function, FRAME, CODE)


@pytest.mark.parametrize("names", [None, ["a", "b", "c"]])
def test_a_booster_of_xgboost_is_a_model(names: list[str] | None) -> None:
    """With the names it was trained with, or the number of its features."""
    xgb: Any = pytest.importorskip("xgboost", reason="needs the extra `xgboost`")
    matrix = xgb.DMatrix(X, Y, feature_names=names)
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, matrix, 3)
    model = back(booster)

    assert pytest.approx(booster.predict(matrix)) == model.predict(FRAME if names else X)


def test_a_booster_of_lightgbm_is_a_model() -> None:
    """It predicts arrays as it is."""
    lgb: Any = pytest.importorskip("lightgbm", reason="needs the extra `lightgbm`")
    booster = lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lgb.Dataset(X, Y), 3)

    assert booster.predict(X).tolist() == back(booster, X).predict(X).tolist()


def test_a_module_of_torch_is_a_model() -> None:
    """In evaluation mode: dropout does not change what it says."""
    torch: Any = pytest.importorskip("torch", reason="needs the extra `torch`")
    module = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    rows = torch.tensor(X, dtype=torch.float32)
    model = back(module, rows)

    with torch.no_grad():
        expected = module.eval()(rows)[:, 0].tolist()
    assert pytest.approx(expected, rel=1e-5) == model.predict(X).tolist()


@pytest.mark.filterwarnings("ignore")  # those of the converter are not ours
@pytest.mark.parametrize("zipmap", [True, False])
def test_a_graph_of_onnx_is_a_model(zipmap: bool) -> None:  # noqa: FBT001  parametrised
    """Of two classes it gives the probability of the second, however the converter wrote them."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    converter: Any = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    estimator = LogisticRegression().fit(X, Y)
    graph = converter.to_onnx(estimator, X[:1].astype(np.float32), options={id(estimator): {"zipmap": zipmap}})
    model = back(graph, X)
    model.predict(X)
    again = back(model.estimator, X)

    assert isinstance(again.estimator, OnnxModel)
    assert pytest.approx(estimator.predict_proba(X)[:, 1], abs=1e-5) == again.predict(pa.table(as_frame(X).to_arrow()))
