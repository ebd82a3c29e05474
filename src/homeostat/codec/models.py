"""A trained model as a value: what a training step returns, what the registry keeps and what serving runs.

A `Model` is an estimator together with the very function that made its training features, so training and serving
cannot compute them in two ways. Its `Signature` says which raw columns that function needs. Its bytes, a `ModelFile`,
can be described by anyone: the estimator is an opaque field that only `codec.loading` unpickles.
"""

import inspect
import platform
import sys
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl

from homeostat.codec.adapters import adapted
from homeostat.codec.canonical import canonical
from homeostat.codec.savers import dumps
from homeostat.codec.signatures import Column, Signature, Tabular, as_frame
from homeostat.core.digests import Digest, digest_of
from homeostat.core.errors import CorruptObject, InvalidDeclaration, NewerWorkspace

__all__ = ["Model", "ModelFile", "Signature", "Transform", "describe", "encode", "library_versions"]

Features = Any  # a polars.DataFrame, a numpy array or a pandas.DataFrame: what the estimator was fitted with
Transform = Callable[[pl.DataFrame], Features]
Kind = Literal["classifier", "regressor", "other"]

FORMAT = 1
# A string of exactly this text in a pickle: the module of a class that no other process can import.
_PICKLED_MAIN = b"\x8c\x08__main__"


class Model:
    """An estimator and the function that turns raw rows into its features.

    Immutable and safe for concurrent `predict` as far as the estimator and the transform are.

    Attributes:
        estimator: has `predict_proba` (binary classifier) or `predict` (regressor).
        transform: module-level function of project code, (rows,) raw rows -> (rows, features), or None if the
            estimator takes the raw columns.
        signature: the raw columns it needs, or None if neither `example` nor `signature` was given.
        name: for people.
    """

    def __init__(
        self,
        estimator: Any,
        transform: Transform | None = None,
        *,
        name: str = "",
        example: Tabular | None = None,
        signature: Signature | None = None,
        kind: Kind | None = None,
    ) -> None:
        """Join them, and find out which raw columns are needed if `example` rows are given.

        Args:
            estimator: fitted; or a booster, a module of torch, a graph of ONNX or a function (`codec.adapters`).
            transform: see above; it must not need the label.
            name: for people.
            example: some raw rows. With a transform more columns than it needs do no harm (`Signature.needed`);
                without one they are the features, by name if the estimator was fitted with names.
            signature: the columns, when they are known already.
            kind: found out from the estimator. `other` keeps what does not give one number a row, such as probabilities of
                several classes: it can be tracked and loaded, but neither evaluated nor served.

        Raises: InvalidDeclaration if the estimator cannot predict one number a row, or the transform cannot be found
            again by its name in another process, or the example has not as many columns as the estimator has features.
        """
        self.estimator = estimator = adapted(estimator)
        self.transform = transform
        self.name = name
        self.kind: Kind = kind or _kind(estimator)
        self.transform_name = None if transform is None else _global_name(transform)
        if signature is None and example is not None:
            signature = (
                _signature_of_estimator(estimator, example)
                if transform is None
                else Signature.needed(example, transform)
            )
        self.signature = signature

    def predict(self, rows: Tabular) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Score raw rows.

        Args:
            rows: the columns of the signature; further ones are left out, so a model is evaluated on no more than it
                will be served with.

        Returns: float64 (rows,): probability of class 1 (the second of `classes_`), or the value of a regressor; of another
            kind whatever the estimator gives by `predict_proba`, `predict` or `transform`.
        Raises: MissingColumn if a column of the signature is not there. WrongType if it cannot be cast.
        """
        frame = as_frame(rows)
        if self.signature is not None:
            frame = self.signature.conform(frame)
        features: Features = frame if self.transform is None else self.transform(frame)
        takes_frames = hasattr(self.estimator, "feature_names_in_") or hasattr(self.estimator, "takes_frames")
        if not isinstance(features, np.ndarray) and not takes_frames:
            # Fitted without column names: sklearn warns when it meets some later.
            features = features.to_numpy()
        if self.kind == "other":
            verbs = (getattr(self.estimator, verb, None) for verb in ("predict_proba", "predict", "transform"))
            return np.asarray(next(verb for verb in verbs if verb is not None)(features))
        if self.kind == "classifier":
            return np.ascontiguousarray(self.estimator.predict_proba(features)[:, 1], dtype=np.float64)
        return np.asarray(self.estimator.predict(features), dtype=np.float64).reshape(-1)

    def __repr__(self) -> str:
        return f"Model({type(self.estimator).__name__}, transform={self.transform_name}, name={self.name!r})"


class ModelFile(msgspec.Struct, frozen=True, kw_only=True, tag="homeostat-model"):
    """A model on disk (MessagePack).

    Attributes:
        format: version of this layout.
        kind: classifier, regressor, or other: what cannot be served.
        name: for people.
        transform: `module:function`, found in the code tree; None if the estimator takes raw columns.
        code: the code tree it was trained from.
        signature: the raw columns it needs.
        canonical: hash of estimator and transform name, stable where the bytes are not.
        libraries: versions of Python and of the packages that the estimator is made of.
        estimator: its pickle, protocol 5. Unpickled in `codec.loading` only.
    """

    format: int
    kind: Kind
    name: str
    transform: str | None
    code: Digest
    signature: Signature
    canonical: Digest
    libraries: dict[str, str]
    estimator: bytes


_decoder = msgspec.msgpack.Decoder(ModelFile)


def encode(model: Model, *, code: Digest, signature: Signature | None = None) -> bytes:
    """The bytes of a `ModelFile`.

    Args:
        model: what to write.
        code: digest of the code tree it was trained from, where its transform is.
        signature: raw columns, if the model was not made with an example or a signature.

    Raises: InvalidDeclaration if no signature is known, or the estimator cannot be stored.
    """
    signature = signature or model.signature
    if signature is None:
        raise InvalidDeclaration(
            f"{model!r} does not say which columns it needs. "
            f"Give it some raw rows: Model(estimator, transform=..., example=rows)."
        )
    walked = canonical(model.estimator)
    pickled = dumps(model.estimator, repr(model))
    if _PICKLED_MAIN in pickled:
        raise InvalidDeclaration(
            f"{model!r} holds a class or function of the script that runs (__main__), which no worker can import. "
            f"Move it to a module of the project."
        )
    return msgspec.msgpack.encode(
        ModelFile(
            format=FORMAT,
            kind=model.kind,
            name=model.name,
            transform=model.transform_name,
            code=code,
            signature=signature,
            canonical=digest_of({"estimator": walked.digest, "transform": model.transform_name}),
            libraries=library_versions(walked.packages | {"numpy", "polars"}),
            estimator=pickled,
        )
    )


def encode_any(model: Any, example: Tabular | None, code: Digest) -> bytes:
    """As `encode`, of a model, or of an estimator that takes the columns of `example`, or those it was fitted with.

    Raises: InvalidDeclaration if it cannot be a model.
    """
    if not isinstance(model, Model):
        estimator = adapted(model)
        signature = _declared(estimator) if example is None else None
        model = Model(estimator, example=example, signature=signature, kind=_kind_of_any(estimator, example))
    elif model.signature is None and example is not None:
        model = Model(model.estimator, model.transform, name=model.name, example=example)
    return encode(model, code=code)


def describe(content: bytes) -> ModelFile:
    """Read a model file. Never unpickles, so it is safe on any bytes.

    Raises: CorruptObject if `content` is not a model file. NewerWorkspace if a later version wrote it.
    """
    try:
        file = _decoder.decode(content)
    except msgspec.MsgspecError as error:
        raise CorruptObject(
            f"These {len(content)} bytes are not a model file ({error}). Check which object was asked for."
        ) from error
    if file.format > FORMAT:
        raise NewerWorkspace(
            f"The model file has format {file.format}; this version of Homeostat reads up to {FORMAT}. Upgrade Homeostat."
        )
    return file


def library_versions(packages: frozenset[str] | set[str]) -> dict[str, str]:
    """Versions of Python and of those of `packages` that are loaded and tell theirs."""
    versions = {"python": platform.python_version()}
    for package in sorted(packages):
        version = getattr(sys.modules.get(package), "__version__", None)
        if isinstance(version, str):
            versions[package] = str(version)  # torch has a class of its own for it
    return versions


def _kind(estimator: Any) -> Kind:
    name = type(estimator).__name__
    classes = getattr(estimator, "classes_", None)
    if hasattr(estimator, "predict_proba"):
        if classes is not None and len(classes) != 2:
            raise InvalidDeclaration(
                f"{name} was fitted on {len(classes)} classes; a model gives the probability of one class of two. "
                f"Turn the label into yes or no, one model for each question."
            )
        return "classifier"
    if classes is not None:
        raise InvalidDeclaration(
            f"{name} is a classifier without predict_proba. Wrap it: sklearn.calibration.CalibratedClassifierCV({name}())."
        )
    if not hasattr(estimator, "predict"):
        raise InvalidDeclaration(
            f"{name} has neither predict_proba nor predict, so it cannot be the estimator of a model."
        )
    return "regressor"


def _kind_of_any(estimator: Any, example: Tabular | None) -> Kind | None:
    """`other` for what predicts, but not one number a row; None for what `Model` finds out by itself."""
    if not any(hasattr(estimator, verb) for verb in ("predict_proba", "predict", "transform")):
        return None
    try:
        kind = _kind(estimator)
        if example is not None and kind == "regressor":
            frame = as_frame(example).head(2)
            said = Model(estimator, example=frame, kind="other").predict(frame)
            return "other" if said.size != frame.height else None
    except InvalidDeclaration:
        return "other"
    return None


def _declared(estimator: Any) -> Signature | None:
    """The columns an estimator was fitted with, as numbers; None if it does not say."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = range(getattr(estimator, "n_features_in_", 0))
    columns = tuple(Column(str(name), "float") for name in names)
    return Signature(columns) if columns else None


def _signature_of_estimator(estimator: Any, example: Tabular) -> Signature:
    frame = as_frame(example)
    if hasattr(estimator, "feature_names_in_"):
        frame = frame.select(*estimator.feature_names_in_)
    needed = getattr(estimator, "n_features_in_", frame.width)
    if needed != frame.width:
        raise InvalidDeclaration(
            f"{type(estimator).__name__} was fitted on {needed} features, but the example has {frame.width} columns: "
            f"{', '.join(frame.columns)}. Leave out the label and whatever is no feature, or give a transform."
        )
    return Signature.of(frame)


def _global_name(function: Transform) -> str:
    """`module:function`, if another process can find `function` by it."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not inspect.isroutine(function) or not module or not name or not name.isidentifier():
        raise InvalidDeclaration(
            f"The transform {name or function!r} cannot be found by name in another process: it is a lambda, a method, "
            f"a partial or nested in a function. Move it to the top level of a module of the project."
        )
    if module == "__main__":
        raise InvalidDeclaration(
            f"The transform {name} lives in the script that runs (__main__), which no worker can import. "
            f"Move it to a module of the project and import it from there."
        )
    return f"{module}:{name}"
