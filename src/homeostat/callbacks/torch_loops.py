"""Plain loops of PyTorch: one call a step, and the GPU is waited for only when there is something to log.

Losses are summed where they are, on the device; every `every` steps the sums come over together, which is the one time the
loop waits for the device. Gradients are looked at in those steps only.
"""

import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

from homeostat.callbacks.guard import Guard
from homeostat.track.run import Run
from homeostat.track.silent import SilentRun

_BINS = 32


class TorchLoop:
    """Logs means of losses, learning rates, the norm of the gradients and the speed of a loop.

        loop = hs.callbacks.torch(model, optimizer, every=50)
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            loop.step(len(inputs), loss=loss)
            optimizer.zero_grad()

    In a distributed training only the ranks whose run logs do any of it; nothing here is a collective operation.

    Attributes:
        number: of steps so far; the step of what is logged.
    """

    def __init__(
        self,
        model: Any = None,
        optimizer: Any = None,
        *,
        every: int = 50,
        histograms_every: int = 0,
        run: Run | None = None,
        first_step: int = 0,
    ) -> None:
        """Watch a loop.

        Args:
            model: a module whose gradients are measured and which is saved; None for neither.
            optimizer: whose learning rates are logged and which is saved; None for neither.
            every: steps between two points; each is the mean over them.
            histograms_every: steps between two tables of histograms of all parameters; 0 for none.
            run: default: the run that is active when a step is made.
            first_step: number of steps made before, when a training goes on.
        """
        self.number = first_step
        self._torch: Any = importlib.import_module("torch")
        self._model = model
        self._optimizer = optimizer
        self._every = max(1, every)
        self._histograms_every = histograms_every
        self._guard = Guard("PyTorch", run)
        self._sums: dict[str, Any] = {}
        self._steps = self._samples = 0
        self._since = time.perf_counter()

    def step(self, samples: int = 0, **losses: Any) -> None:
        """A step is done. Call it after `backward` and before `zero_grad`, so that there are gradients.

        Args:
            samples: how many it saw, for samples a second.
            losses: scalars, tensors of the device or numbers; each is logged as its mean over `every` steps.
        Cost: an addition on the device for each tensor; every `every` steps one transfer, and a norm over the gradients.
        """
        self.number += 1
        self._steps += 1
        self._samples += samples
        try:
            for key, value in losses.items():
                taken = value.detach().float() if hasattr(value, "detach") else float(value)
                known = self._sums.get(key)
                # `+` makes a new tensor: a loss that is changed in place later does not change the sum.
                self._sums[key] = taken + 0.0 if known is None else known + taken
        except Exception as error:  # noqa: BLE001  training goes on
            self._guard.failed(error)
        if self.number % self._every == 0:
            self._guard(self._log)
        if self._histograms_every and self.number % self._histograms_every == 0:
            self._guard(self._histograms)

    def checkpoint(self, name: str = "", **more: Any) -> None:
        """Keep the state of model and optimizer, and `more`, as an artifact: what `torch.load` gives back is a dict.

        Args:
            name: of the artifact; default: `checkpoints/step-<number>.pt`.
            more: state of others, such as `scheduler=scheduler.state_dict()`.

        A model in shards has to be gathered first, by all ranks: give its state as one of `more`, and no model.
        """
        self._guard(lambda run: self._save(run, name or f"checkpoints/step-{self.number:08d}.pt", more))

    def _log(self, run: Run) -> None:
        sums, steps, samples, since = self._sums, self._steps, self._samples, self._since
        self._sums, self._steps, self._samples, self._since = {}, 0, 0, time.perf_counter()
        if isinstance(run, SilentRun):
            return
        keys = list(sums)
        values = [sums[key] for key in keys]
        norm = self._norm()
        if norm is not None:
            keys, values = [*keys, "grad_norm"], [*values, norm * steps]
        found = dict(zip(keys, (value / steps for value in self._numbers(values)), strict=True))
        elapsed_s = max(time.perf_counter() - since, 1e-9)
        found["steps_per_s"] = steps / elapsed_s
        if samples:
            found["samples_per_s"] = samples / elapsed_s
        groups = self._optimizer.param_groups if self._optimizer is not None else ()
        for index, group in enumerate(groups):
            found["lr" if len(groups) == 1 else f"lr_{index}"] = float(group["lr"])
        run.metrics(found, self.number)

    def _numbers(self, values: list[Any]) -> list[float]:
        """Scalars as numbers: those of a device by one transfer."""
        torch = self._torch
        found = [float("nan")] * len(values)
        by_device: dict[Any, list[int]] = {}
        for index, value in enumerate(values):
            if isinstance(value, torch.Tensor):
                by_device.setdefault(value.device, []).append(index)
            else:
                found[index] = float(value)
        for indices in by_device.values():
            together = torch.stack([values[index].reshape(()) for index in indices]).tolist()
            for index, value in zip(indices, together, strict=True):
                found[index] = value
        return found

    def _norm(self) -> Any:
        """The Euclidean norm of all gradients, on the device; None if there are none."""
        if self._model is None:
            return None
        gradients = [one.grad.detach() for one in self._model.parameters() if one.grad is not None]
        if not gradients:
            return None
        torch = self._torch
        norms = [torch.linalg.vector_norm(one.to_dense() if one.is_sparse else one) for one in gradients]
        return torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms]))

    def _histograms(self, run: Run) -> None:
        if self._model is None or isinstance(run, SilentRun):
            return
        torch = self._torch
        rows = []
        for name, one in self._model.named_parameters():
            values = one.detach().float().reshape(-1)
            least, greatest = torch.stack([values.min(), values.max()]).tolist()
            counts = torch.histc(values, _BINS, least, greatest).tolist()
            rows.append(
                {"parameter": name, "least": least, "greatest": greatest, "counts": [int(one) for one in counts]}
            )
        run.table(f"histograms/step-{self.number:08d}.json", rows)

    def _save(self, run: Run, name: str, more: dict[str, Any]) -> None:
        if isinstance(run, SilentRun):
            return
        state = {"step": self.number, **more}
        if self._model is not None:
            state["model"] = self._model.state_dict()
        if self._optimizer is not None:
            state["optimizer"] = self._optimizer.state_dict()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            self._torch.save(state, path)
            run.artifact(name, path)
