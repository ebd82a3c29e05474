"""Models in MLflow's format: a folder with a file `MLmodel` that says what the others are. Described without running any."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import yaml

from homeostat.codec.model_folders import DESCRIPTION, ModelFolder
from homeostat.codec.signatures import Column, Signature, Type
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, InvalidDeclaration

REQUIREMENTS, CONSTRAINTS = "requirements.txt", "constraints.txt"
WHOLE_ROW = "*"
_WIDEST = 1000  # numbers in a row that become columns of their own; a longer row is one JSON value
_TYPES: dict[str, Type] = {
    "boolean": "bool",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "string": "string",
    "datetime": "timestamp",
}
_KINDS: tuple[tuple[str, Type], ...] = (("float", "float"), ("int", "int"), ("uint", "int"), ("bool", "bool"))
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?![A-Za-z0-9._-]|\s*\[)")


class MLmodel(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder says of itself.

    Attributes:
        flavours: libraries that could load it, by the names of MLflow, `python_function` first.
        loader: module that loads it as a function.
        python: version it was logged with, such as 3.11.7; empty if not said.
        mlflow: version of the package that wrote it; empty if not said.
        inputs: what a prediction needs, in our types.
        is_described: whether the folder says what it needs; else `inputs` is the whole row.
        outputs: signature of the answers, as JSON; empty if not said.
        example: file with an example of the input, or empty.
        requirements: lines of its requirements.txt.
    """

    flavours: tuple[str, ...]
    loader: str
    python: str
    mlflow: str
    inputs: Signature
    is_described: bool
    outputs: str
    example: str
    requirements: tuple[str, ...]


def describe(text: bytes, requirements: bytes = b"") -> MLmodel:
    """Read an MLmodel file, and the requirements beside it.

    Raises: CorruptObject if it cannot be read. InvalidDeclaration if it has no flavour that is a function.
    """
    try:
        said = yaml.safe_load(text)
        flavours: dict[str, Any] = dict(said["flavors"])
        signature = said.get("signature") or {}
        fields = msgspec.json.decode(signature["inputs"]) if signature.get("inputs") else None
        inputs = _inputs(fields)
    except (
        yaml.YAMLError,
        msgspec.MsgspecError,
        TypeError,
        KeyError,
        AttributeError,
        ValueError,
        RecursionError,
    ) as error:
        raise CorruptObject(
            f"The MLmodel file cannot be read: {type(error).__name__}: {error}. Log the model again."
        ) from error
    function = flavours.get("python_function")
    if not isinstance(function, dict) or not function.get("loader_module"):
        raise InvalidDeclaration(
            f"The model has no flavour python_function, which is what is served; it has: {', '.join(flavours) or 'none'}."
        )
    example = said.get("saved_input_example_info") or {}
    return MLmodel(
        flavours=("python_function", *(name for name in flavours if name != "python_function")),
        loader=_text(function["loader_module"]),
        python=_text(function.get("python_version")),
        mlflow=_text(said.get("mlflow_version")),
        inputs=inputs,
        is_described=fields is not None,
        outputs=_text(signature.get("outputs")),
        example=_text(example.get("artifact_path")),
        requirements=tuple(line.strip() for line in requirements.decode().splitlines() if line.strip()),
    )


def describe_folder(folder: ModelFolder, read: Callable[[Digest], bytes]) -> MLmodel:
    """As `describe`, of a folder whose files `read` gives."""
    requirements = folder.files.get(REQUIREMENTS)
    return describe(read(folder.files[DESCRIPTION]), b"" if requirements is None else read(requirements))


def needed(model: MLmodel) -> tuple[str, ...]:
    """The least that loads the model as a function and takes our frames: its requirements, with the part of MLflow that loads.

    `mlflow` itself brings a server and a database; loading is all in `mlflow-skinny`, of the same version.
    """
    lines, names = [], set()
    for line in model.requirements:
        found = _NAME.match(line)
        name = found[1].lower().replace("_", "-") if found and not line.startswith(("-", "#")) else ""
        if name == "mlflow" and found:
            line = f"mlflow-skinny{line[found.end(1) :]}"  # noqa: PLW2901  the line is what goes on
            name = "mlflow-skinny"
        if not line.startswith(("-c ", "--constraint ")):
            lines.append(line)
        names.add(name)
    if "mlflow-skinny" not in names and not any(re.match(r"mlflow\b", line) for line in lines):
        lines.append(f"mlflow-skinny=={model.mlflow}" if model.mlflow else "mlflow-skinny")
    return (*lines, *(name for name in ("msgspec", "numpy", "pandas") if name not in names))


def names_files(lines: Sequence[str]) -> bool:
    """Whether requirements speak of files, so that they mean something only where those are."""
    return any(line.startswith("-") or re.match(r"[\w./-]+\.(whl|zip|gz)\b|\.", line) for line in lines)


def _text(value: Any) -> str:
    """A word of the description. A list could stand for a billion of them, by names that YAML repeats.

    Raises: CorruptObject if it is no word.
    """
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise CorruptObject(f"The MLmodel file has a {type(value).__name__} where a text belongs. Log the model again.")
    return str(value)


def _inputs(fields: list[dict[str, Any]] | None) -> Signature:
    """Our columns of MLflow's: named columns, one tensor whose row is a few numbers, named tensors, or nothing said."""
    if fields is None:
        return Signature((Column(WHOLE_ROW, "row"),))
    if len(fields) == 1 and fields[0]["type"] == "tensor" and not fields[0].get("name"):
        spec = fields[0]["tensor-spec"]
        kind, shape = _kind(spec["dtype"]), spec["shape"]
        if kind == "json" or len(shape) > 2 or (len(shape) == 2 and not 0 < shape[1] <= _WIDEST):
            return Signature((Column("input", "json"),))
        return Signature(tuple(Column(str(place), kind) for place in range(shape[1] if len(shape) == 2 else 1)))
    return Signature(tuple(_column(place, field) for place, field in enumerate(fields)))


def _column(place: int, field: dict[str, Any]) -> Column:
    name = str(field.get("name", place))
    is_required = bool(field.get("required", not field.get("optional", False)))
    if field["type"] == "tensor":
        spec = field["tensor-spec"]
        return Column(name, _kind(spec["dtype"]) if len(spec["shape"]) == 1 else "json", is_required=is_required)
    return Column(name, _TYPES.get(field["type"], "json"), is_required=is_required)


def _kind(dtype: str) -> Type:
    return next((kind for begins, kind in _KINDS if dtype.startswith(begins)), "json")
