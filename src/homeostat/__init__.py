"""Homeostat treats machine learning as a living system: declare setpoints, a control loop keeps models there.

    import homeostat as hs

Names are imported when they are first used, so that `import homeostat` costs next to nothing in a training script.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeostat import callbacks
    from homeostat.codec.models import Model
    from homeostat.codec.tables import Dataset, Table
    from homeostat.current.datasets import dataset, sql
    from homeostat.current.runs import active_run, log, run
    from homeostat.current.selection import runs
    from homeostat.loop.declaration import registered, retrain, rollout, window
    from homeostat.loop.system import System
    from homeostat.monitor import setpoint
    from homeostat.pipelines.records import Candidate
    from homeostat.pipelines.splits import split_by_time
    from homeostat.pipelines.steps import current_run, pipeline, step
    from homeostat.registry import gate
    from homeostat.workspace import Workspace

__version__ = "0.1.0"

# name -> module; the name is an attribute of it, or the module itself if it has the same name.
_FACE = {
    "Candidate": "homeostat.pipelines.records",
    "Dataset": "homeostat.codec.tables",
    "Model": "homeostat.codec.models",
    "System": "homeostat.loop.system",
    "Table": "homeostat.codec.tables",
    "Workspace": "homeostat.workspace",
    "active_run": "homeostat.current.runs",
    "callbacks": "homeostat.callbacks",
    "current_run": "homeostat.pipelines.steps",
    "dataset": "homeostat.current.datasets",
    "gate": "homeostat.registry.gate",
    "log": "homeostat.current.runs",
    "pipeline": "homeostat.pipelines.steps",
    "registered": "homeostat.loop.declaration",
    "retrain": "homeostat.loop.declaration",
    "rollout": "homeostat.loop.declaration",
    "run": "homeostat.current.runs",
    "runs": "homeostat.current.selection",
    "setpoint": "homeostat.monitor.setpoint",
    "split_by_time": "homeostat.pipelines.splits",
    "sql": "homeostat.current.datasets",
    "step": "homeostat.pipelines.steps",
    "window": "homeostat.loop.declaration",
}

__all__ = [
    "Candidate",
    "Dataset",
    "Model",
    "System",
    "Table",
    "Workspace",
    "active_run",
    "callbacks",
    "current_run",
    "dataset",
    "gate",
    "log",
    "pipeline",
    "registered",
    "retrain",
    "rollout",
    "run",
    "runs",
    "setpoint",
    "split_by_time",
    "sql",
    "step",
    "window",
]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'homeostat' has no attribute {name!r}. It offers {', '.join(__all__)}.")
    module = importlib.import_module(_FACE[name])
    value = module if _FACE[name].endswith(f".{name}") else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
