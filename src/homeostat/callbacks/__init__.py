"""What libraries tell while they train, told to a run: `xgboost.train(..., callbacks=[hs.callbacks.xgboost()])`.

Each is imported when it is first used, and with it the library it is for. None of them breaks a training: what fails in
one is said once in the log.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeostat.callbacks.lightgbm_rounds import LightGBMRounds as lightgbm  # noqa: N813  as it is called
    from homeostat.callbacks.optuna_trials import OptunaTrials as optuna  # noqa: N813
    from homeostat.callbacks.sklearn_fits import log_fitted as sklearn
    from homeostat.callbacks.torch_loops import TorchLoop as torch  # noqa: N813
    from homeostat.callbacks.transformers_trainer import TransformersTrainer as transformers  # noqa: N813
    from homeostat.callbacks.xgboost_rounds import XGBoostRounds as xgboost  # noqa: N813

_FACE = {
    "lightgbm": ("lightgbm_rounds", "LightGBMRounds"),
    "optuna": ("optuna_trials", "OptunaTrials"),
    "sklearn": ("sklearn_fits", "log_fitted"),
    "torch": ("torch_loops", "TorchLoop"),
    "transformers": ("transformers_trainer", "TransformersTrainer"),
    "xgboost": ("xgboost_rounds", "XGBoostRounds"),
}

__all__ = ["lightgbm", "optuna", "sklearn", "torch", "transformers", "xgboost"]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'homeostat.callbacks' has no attribute {name!r}. It offers {', '.join(__all__)}.")
    module, attribute = _FACE[name]
    value = getattr(importlib.import_module(f"homeostat.callbacks.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
