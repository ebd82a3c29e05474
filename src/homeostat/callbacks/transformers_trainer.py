"""Hugging Face's Trainer: `Trainer(..., callbacks=[hs.callbacks.transformers()])`.

It asks its callbacks for methods by name and not for a class, so nothing of it is imported here.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from homeostat.callbacks.guard import Guard, set_params
from homeostat.track.run import Run


class TransformersTrainer:
    """Logs what the Trainer logs, by global step and under its names, the arguments that are not at their defaults, what the
    model is, and its best metric. Only the process of rank 0 speaks.

    Trainer reports to other trackers that are installed, unless it is told `report_to="none"`.
    """

    def __init__(self, run: Run | None = None, *, checkpoints: bool = False) -> None:
        """Args:
        run: default: the run that is active while it trains.
        checkpoints: keep each checkpoint that the Trainer saves as artifacts `checkpoint-<step>/...`.
        """
        self._guard = Guard("transformers.Trainer", run)
        self._checkpoints = checkpoints

    def on_train_begin(self, args: Any, state: Any, _control: Any, **others: Any) -> None:
        """Log the arguments and the model."""
        self._speak(state, lambda run: set_params(run, {**arguments(args), **architecture(others.get("model"))}))

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Log numbers as metrics."""
        numbers = {key: value for key, value in (logs or {}).items() if isinstance(value, int | float)}
        self._speak(state, lambda run: run.metrics(numbers, state.global_step))

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Keep the checkpoint, if asked to."""
        if self._checkpoints:
            name = f"checkpoint-{state.global_step}"
            self._speak(state, lambda run: run.artifact(name, Path(args.output_dir) / name))

    def on_train_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Log the best of the evaluations, where Trainer looks for one (`metric_for_best_model`)."""
        if state.best_metric is not None:
            self._speak(state, lambda run: run.metrics({"best_metric": state.best_metric}, state.global_step))
        if state.best_model_checkpoint:
            self._speak(state, lambda run: run.tag("best_model_checkpoint", Path(state.best_model_checkpoint).name))

    def _speak(self, state: Any, speak: Callable[[Run], object]) -> None:
        if state.is_world_process_zero:
            self._guard(speak)

    def __getattr__(self, name: str) -> Any:
        """Every other event there is, or will be, goes by."""
        if not name.startswith("on_"):
            raise AttributeError(name)
        return _pass


def arguments(args: Any) -> dict[str, Any]:
    """The arguments of a training that are not at their defaults; tokens are left out."""
    found = {}
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if value != default and not field.name.startswith("_") and not field.name.endswith("_token"):
            found[field.name] = value if isinstance(value, str | int | float | bool | None) else str(value)
    return found


def architecture(model: Any) -> dict[str, Any]:
    """What kind of model it is and how many parameters it has."""
    if model is None:
        return {}
    found: dict[str, Any] = {"model_class": type(model).__name__}
    config = getattr(model, "config", None)
    for key in ("model_type", "_name_or_path"):
        if getattr(config, key, ""):
            found[key.strip("_")] = getattr(config, key)
    if hasattr(model, "parameters"):
        sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
        found["parameters"] = sum(size for size, _ in sizes)
        found["trainable_parameters"] = sum(size for size, is_trained in sizes if is_trained)
    return found


def _pass(*_: Any, **__: Any) -> None:
    return None
