"""Models that predict in another manner, as estimators: boosters, modules of torch, graphs of ONNX, functions.

Each gives numbers for rows by `predict`, and pickles to what it is made of. Libraries are imported when it predicts.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np


class XGBoostModel:
    """A booster of XGBoost, which wants a matrix of its own."""

    def __init__(self, booster: Any) -> None:
        self.booster = booster
        self.n_features_in_ = int(booster.num_features())
        if booster.feature_names:
            self.feature_names_in_ = list(booster.feature_names)

    def predict(self, features: Any) -> Any:
        """What the booster says: (rows,) or (rows, outputs)."""
        xgboost: Any = importlib.import_module("xgboost")
        matrix = xgboost.DMatrix(_array(features), feature_names=self.booster.feature_names)
        return self.booster.predict(matrix)


class TorchModel:
    """A module of torch that takes one tensor (rows, features) of single precision. Predicts in evaluation mode on the CPU."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def predict(self, features: Any) -> Any:
        """What the module says, as an array."""
        torch: Any = importlib.import_module("torch")
        module = self.module.cpu().eval()
        with torch.no_grad():
            said = module(torch.from_numpy(np.ascontiguousarray(_array(features), dtype=np.float32)))
        return said.float().numpy()


class OnnxModel:
    """A graph of ONNX with one input (rows, features). What it says last is its prediction: of classifiers the probabilities."""

    def __init__(self, content: bytes) -> None:
        """Args:
        content: the graph as it is written to a file.
        """
        self.content = content
        self._session: Any = None

    def predict(self, features: Any) -> Any:
        """Numbers (rows,) or (rows, outputs); of two classes the probability of the second."""
        if self._session is None:
            runtime: Any = importlib.import_module("onnxruntime")
            self._session = runtime.InferenceSession(self.content, providers=["CPUExecutionProvider"])
        first = self._session.get_inputs()[0]
        kind = np.float64 if first.type == "tensor(double)" else np.float32
        said = self._session.run(None, {first.name: np.ascontiguousarray(_array(features), dtype=kind)})[-1]
        if isinstance(said, list):  # a dict for each row, as converters of scikit-learn have it unless told otherwise
            said = np.array([list(row.values()) for row in said])
        return said[:, 1] if said.ndim == 2 and said.shape[1] == 2 else said

    def __getstate__(self) -> dict[str, bytes]:
        return {"content": self.content}

    def __setstate__(self, state: dict[str, bytes]) -> None:
        self.content = state["content"]
        self._session = None


class FunctionModel:
    """A function, or another thing that is called, of rows as a polars.DataFrame; it gives a number for each."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.takes_frames = True

    def predict(self, features: Any) -> Any:
        """What the function says."""
        return np.asarray(self.function(features))


def adapted(model: Any) -> Any:
    """An estimator for `model`; what has `predict` already, and takes arrays, is one."""
    package = type(model).__module__.partition(".")[0]
    if package == "xgboost" and type(model).__name__ == "Booster":
        return XGBoostModel(model)
    if package == "onnx" and hasattr(model, "SerializeToString"):
        return OnnxModel(model.SerializeToString())
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module) and not hasattr(model, "predict"):
        return TorchModel(model)
    is_estimator = any(hasattr(model, verb) for verb in ("predict_proba", "predict", "transform"))
    return model if is_estimator or isinstance(model, type) or not callable(model) else FunctionModel(model)


def _array(features: Any) -> Any:
    return features.to_numpy() if hasattr(features, "to_numpy") else np.asarray(features)
