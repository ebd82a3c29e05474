"""The Open Inference Protocol, version 2, over REST with JSON tensors.

Each raw column is one named tensor of shape [rows] or [rows, 1]; a single tensor of shape [rows, columns] stands for columns that are
named by their places. The answer is one tensor `score`, with the ids of
the predictions in the parameters.
"""

from typing import Any

import msgspec

from homeostat.codec.models import Signature
from homeostat.core.errors import BadData
from homeostat.serve.endpoint import Answer
from homeostat.serve.records import Deployment

_DATATYPES = {
    "float": "FP64",
    "int": "INT64",
    "string": "BYTES",
    "bool": "BOOL",
    "timestamp": "BYTES",
    "json": "BYTES",
    "row": "BYTES",
}


class Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferBody(msgspec.Struct):
    inputs: list[Tensor]
    id: str = ""


_decoder = msgspec.json.Decoder(InferBody)


def decode(content: bytes) -> InferBody:
    return _decoder.decode(content)


def rows(body: InferBody) -> list[dict[str, Any]]:
    """One mapping a row.

    Raises: BadData if tensors are not columns of equal length.
    """
    if len(body.inputs) == 1 and len(body.inputs[0].shape) == 2 and body.inputs[0].shape[1] > 1:
        return _places(body.inputs[0])
    counts = {tensor.name: len(tensor.data) for tensor in body.inputs}
    for tensor in body.inputs:
        if tensor.shape not in ([len(tensor.data)], [len(tensor.data), 1]):
            raise BadData(
                f"Tensor {tensor.name!r} has shape {tensor.shape} and {len(tensor.data)} values; a column of [rows] or [rows, 1] is needed."
            )
    if len(set(counts.values())) != 1:
        raise BadData(f"Tensors must have equally many rows; these have {counts}.")
    names = [tensor.name for tensor in body.inputs]
    columns = [
        [value[0] if isinstance(value, list) and value else value for value in tensor.data] for tensor in body.inputs
    ]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _places(tensor: Tensor) -> list[dict[str, Any]]:
    count, width = tensor.shape
    is_nested = bool(tensor.data) and isinstance(tensor.data[0], list)
    flat = [value for row in tensor.data for value in row] if is_nested else tensor.data
    if len(flat) != count * width:
        raise BadData(f"Tensor {tensor.name!r} has shape {tensor.shape} and {len(flat)} values.")
    names = [str(place) for place in range(width)]
    return [dict(zip(names, flat[start : start + width], strict=True)) for start in range(0, len(flat), width)]


def metadata(deployment: Deployment, signature: Signature) -> dict[str, Any]:
    """Answer of `GET /v2/models/{system}`."""
    return {
        "name": deployment.system,
        "versions": [str(arm.version) for arm in deployment.arms],
        "platform": "homeostat",
        "inputs": [
            {"name": column.name, "datatype": _DATATYPES[column.type], "shape": [-1]} for column in signature.columns
        ],
        "outputs": [{"name": "score", "datatype": "FP64", "shape": [-1]}],
    }


def response(body: InferBody, deployment: Deployment, answer: Answer) -> dict[str, Any]:
    """Answer of `POST /v2/models/{system}/infer`."""
    return {
        "model_name": deployment.system,
        "model_version": str(deployment.champion.version),
        "id": body.id,
        "outputs": [
            {"name": "score", "shape": [len(answer.scores)], "datatype": "FP64", "data": answer.scores},
        ],
        "parameters": {"prediction_ids": answer.ids, "versions": answer.versions, "generation": deployment.generation},
    }
