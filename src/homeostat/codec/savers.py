"""Estimators to bytes that are the same in every process, where a plain pickle's are not.

Most estimators pickle to the same bytes whatever process fitted them. Two do not, and are written natively inside the
pickle, so that whatever holds them keeps its shape and any unpickler reads it:

- tensors of torch, which name their storage by an address: written as type, shape and values;
- text vectorizers of scikit-learn, which remember the address of their stop words: it is left out, and they look again.

Sets of texts are pickled in the order of the hash seed; the canonical hash (`codec.canonical`) sees through that.
"""

import importlib
import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

from homeostat.core.errors import InvalidDeclaration

_ADDRESS = "_stop_words_id"


def dumps(estimator: Any, name: str) -> bytes:
    """The bytes of an estimator.

    Args:
        name: what the message calls it if it cannot be stored.

    Raises: InvalidDeclaration if something in it cannot be pickled.
    Cost: as pickle; a call for each object that is neither text, number nor container.
    """
    sink = io.BytesIO()
    try:
        _Pickler(sink, protocol=5).dump(estimator)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidDeclaration(
            f"{name} cannot be stored: {error}. Keep lambdas, nested functions and open resources out of the estimator."
        ) from error
    return sink.getvalue()


def tensor(dtype: str, shape: tuple[int, ...], content: bytes, kind: str, requires_grad: bool) -> Any:  # noqa: FBT001  pickle gives arguments by position
    """A tensor of torch from its values. Called by unpicklers."""
    torch: Any = importlib.import_module("torch")
    element = getattr(torch, dtype)
    values = torch.frombuffer(bytearray(content), dtype=element) if content else torch.empty(0, dtype=element)
    values = values.reshape(shape)
    if kind == "Parameter":
        return torch.nn.Parameter(values, requires_grad=requires_grad)
    return values.requires_grad_(requires_grad)


def tensor_values(value: Any) -> tuple[str, tuple[int, ...], bytes] | None:
    """Type, shape and values of a dense tensor of torch, little-endian; None for anything else."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.is_quantized:
        return None
    flat = value.detach().cpu().contiguous().reshape(-1)
    content = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return str(value.dtype).removeprefix("torch."), tuple(value.shape), content


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind.__module__.partition(".")[0] == "torch" and kind.__name__ in ("Tensor", "Parameter"):
            found = tensor_values(value) if value.device.type == "cpu" else None  # on a GPU it stays where it is
            return NotImplemented if found is None else (tensor, (*found, kind.__name__, value.requires_grad))
        if kind.__module__.partition(".")[0] == "sklearn" and _ADDRESS in getattr(value, "__dict__", ()):
            return _without_address(value.__reduce_ex__(5))
        return NotImplemented


def _without_address(reduced: tuple[Callable[..., Any], Any, dict[str, Any]]) -> tuple[Any, ...]:
    made_by, arguments, state = reduced[:3]
    return made_by, arguments, {name: value for name, value in state.items() if name != _ADDRESS}, *reduced[3:]
