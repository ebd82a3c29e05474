import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from homeostat.codec.models import FORMAT, Model, ModelFile, describe, encode, library_versions
from homeostat.codec.signatures import Column, Signature
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, InvalidDeclaration, MissingColumn, NewerWorkspace, WrongType

CODE = Digest("c" * 64)
RNG = np.random.default_rng(5)
ROWS = pl.DataFrame(
    {
        "hour": RNG.integers(0, 24, 200),
        "wind": RNG.normal(size=200),
        "delay": RNG.normal(size=200),
        "crew": [["a"]] * 200,
    }
).with_columns(late=pl.col("hour") > 11)
SOURCE = """
import polars as pl

def features(rows):
    return rows.select(pl.col("hour").cast(pl.Float64), pl.col("wind") * 2)

class Schedule:
    def features(self, rows):
        return rows
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of project code."""
    (tmp_path / "flightcode.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield __import__("flightcode")
    del sys.modules["flightcode"]


def trained(project: ModuleType, *, on: str = "numpy") -> Model:
    features = project.features(ROWS)
    estimator = LogisticRegression().fit(features.to_numpy() if on == "numpy" else features, ROWS["late"].to_numpy())
    return Model(estimator, project.features, name="late", example=ROWS)


def test_a_classifier_predicts_the_probability_of_class_one(project: ModuleType) -> None:
    """One float64 a row: the second class's probability."""
    model = trained(project)

    expected = model.estimator.predict_proba(project.features(ROWS).to_numpy())[:, 1]
    actual = model.predict(ROWS)

    assert np.float64 == actual.dtype
    assert expected.tolist() == actual.tolist()


@pytest.mark.parametrize("on", ["numpy", "frame"])
def test_an_estimator_gets_what_it_was_fitted_with(project: ModuleType, on: str) -> None:
    """Fitted on arrays or on named columns, it predicts the same and warns of nothing (warnings are errors here)."""
    assert trained(project).predict(ROWS).tolist() == trained(project, on=on).predict(ROWS).tolist()


def test_a_regressor_predicts_its_value() -> None:
    """Also a float64 a row, whatever shape it was fitted with."""
    raw = ROWS.select("hour", "wind")
    model = Model(LinearRegression().fit(raw.to_numpy(), raw.select("wind").to_numpy()), example=raw)

    assert "regressor" == model.kind
    assert pytest.approx(ROWS["wind"].to_list()) == model.predict(ROWS).tolist()


def test_rows_of_arrow_will_do(project: ModuleType) -> None:
    """A pyarrow.Table predicts as the frame it is."""
    model = trained(project)

    assert model.predict(ROWS).tolist() == model.predict(pa.table(ROWS.drop("crew").to_arrow())).tolist()


def test_the_transform_shows_which_columns_are_needed(project: ModuleType) -> None:
    """Label and later knowledge may lie in the training rows; serving is not asked for them."""
    assert Signature((Column("hour", "int"), Column("wind", "float"))) == trained(project).signature


def test_without_a_transform_the_columns_are_the_features() -> None:
    """By name if the estimator knows names: the label may then lie in the example."""
    features = ROWS.select("hour", "wind")
    estimator = LogisticRegression().fit(features, ROWS["late"].to_numpy())

    assert Signature.of(features) == Model(estimator, example=ROWS.drop("crew")).signature


def test_an_example_with_too_many_columns_is_refused() -> None:
    """An estimator without names cannot tell the label from a feature."""
    estimator = LogisticRegression().fit(ROWS.select("hour", "wind").to_numpy(), ROWS["late"].to_numpy())

    with pytest.raises(InvalidDeclaration, match=r"fitted on 2 features, but the example has 5 columns: hour, wind"):
        Model(estimator, example=ROWS)


def test_a_model_is_evaluated_on_no_more_than_it_is_served_with(project: ModuleType) -> None:
    """A transform never sees a column beyond the signature, so it cannot peek at the label."""
    seen: list[list[str]] = []
    model = trained(project)

    def listening(rows: pl.DataFrame) -> pl.DataFrame:
        seen.append(rows.columns)
        features: pl.DataFrame = project.features(rows)
        return features

    model.transform = listening
    model.predict(ROWS)

    assert [["hour", "wind"]] == seen


def test_rows_without_a_needed_column_are_refused(project: ModuleType) -> None:
    """The message names the column and what there is."""
    with pytest.raises(MissingColumn, match=r"needs column 'wind'; the rows have hour, delay"):
        trained(project).predict(ROWS.select("hour", "delay"))


def test_rows_of_another_type_are_refused(project: ModuleType) -> None:
    """A text that is no number is not guessed at."""
    with pytest.raises(WrongType, match="types that the model was trained with"):
        trained(project).predict(ROWS.with_columns(wind=pl.lit("strong")))


def nested() -> Any:
    def transform(rows: pl.DataFrame) -> pl.DataFrame:
        return rows

    return transform


@pytest.mark.parametrize(
    "transform",
    [lambda rows: rows, nested(), functools.partial(nested), Signature.of],
    ids=["lambda", "nested", "partial", "method"],
)
def test_a_transform_without_a_name_is_refused(transform: Any) -> None:
    """What no other process can find is refused when the model is made, not when it is served."""
    with pytest.raises(InvalidDeclaration, match="top level of a module"):
        Model(LinearRegression(), transform)


def test_a_transform_of_the_running_script_is_refused(project: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """`__main__` is another module in every process."""
    monkeypatch.setattr(project.features, "__module__", "__main__")

    with pytest.raises(InvalidDeclaration, match=r"lives in the script that runs \(__main__\)"):
        Model(LinearRegression(), project.features)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression().fit([[0], [1], [2]], [0, 1, 2]), "fitted on 3 classes"),
        (LinearSVC().fit([[0], [1]], [0, 1]), "without predict_proba"),
        (object(), "neither predict_proba nor predict"),
    ],
)
def test_an_estimator_must_give_one_number_a_row(estimator: Any, message: str) -> None:
    """Three classes, classes without probabilities, or no prediction at all: refused, with the way out."""
    with pytest.raises(InvalidDeclaration, match=message):
        Model(estimator)


def test_a_file_says_what_the_model_is(project: ModuleType) -> None:
    """Everything but the estimator can be read by anyone."""
    model = trained(project)

    file = describe(encode(model, code=CODE))

    assert ("classifier", "late", "flightcode:features", CODE, model.signature) == (
        file.kind,
        file.name,
        file.transform,
        file.code,
        file.signature,
    )
    assert {"python", "numpy", "polars", "sklearn"} == file.libraries.keys()


def test_describing_never_unpickles(project: ModuleType) -> None:
    """A bomb in the estimator's place stays a bomb."""
    file = describe(encode(trained(project), code=CODE))
    bomb = msgspec.structs.replace(file, estimator=b"cos\nabort\n(tR.")

    assert bomb == describe(msgspec.msgpack.encode(bomb))


def test_equal_models_have_equal_bytes(project: ModuleType) -> None:
    """Training twice gives one object in the store."""
    assert encode(trained(project), code=CODE) == encode(trained(project), code=CODE)


def test_the_transform_is_part_of_what_a_model_is(project: ModuleType) -> None:
    """The same estimator on other features is another model."""
    estimator = HistGradientBoostingClassifier(max_iter=2).fit(ROWS.select("hour", "wind").to_numpy(), ROWS["late"])
    raw = Signature.of(ROWS.select("hour", "wind"))
    plain, with_transform = Model(estimator, signature=raw), Model(estimator, project.features, signature=raw)

    assert describe(encode(plain, code=CODE)).canonical != describe(encode(with_transform, code=CODE)).canonical


def test_a_model_without_columns_cannot_be_written(project: ModuleType) -> None:
    """The message says how to give them."""
    with pytest.raises(InvalidDeclaration, match="example=rows"):
        encode(Model(LogisticRegression(), project.features), code=CODE)


class Constant:
    """An estimator of a script."""

    def predict(self, rows: Any) -> Any:
        return np.zeros(len(rows))


def test_an_estimator_of_the_running_script_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of `__main__` would fail only in the worker."""
    monkeypatch.setattr(Constant, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Constant", Constant, raising=False)

    with pytest.raises(InvalidDeclaration, match="__main__"):
        encode(Model(Constant(), signature=Signature(())), code=CODE)


@pytest.mark.parametrize("content", [b"", b"no model", msgspec.msgpack.encode({"type": "homeostat-model"})])
def test_other_bytes_are_no_model(content: bytes) -> None:
    """Whatever was asked for by mistake."""
    with pytest.raises(CorruptObject, match="not a model file"):
        describe(content)


def test_a_later_format_asks_for_a_later_homeostat(project: ModuleType) -> None:
    """A file of the future is not half understood."""
    file: ModelFile = msgspec.structs.replace(describe(encode(trained(project), code=CODE)), format=FORMAT + 1)

    with pytest.raises(NewerWorkspace, match="Upgrade Homeostat"):
        describe(msgspec.msgpack.encode(file))


def test_a_version_may_have_a_class_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some packages tell theirs as a kind of text; the file holds the text."""
    module = ModuleType("ark")
    module.__version__ = type("ArkVersion", (str,), {})("1.0")  # type: ignore[attr-defined]  # a module takes any name
    monkeypatch.setitem(sys.modules, "ark", module)

    assert (str, "1.0") == (type(library_versions({"ark"})["ark"]), library_versions({"ark"})["ark"])
