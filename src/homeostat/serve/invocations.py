"""`POST /invocations` as MLflow's model server has it: frames split or by records, tensors as inputs or instances, or CSV.

The answer is `{"predictions": [...]}`, one score a row.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from homeostat.codec.signatures import Signature
from homeostat.core.errors import BadData

CSV = "text/csv"


class Split(msgspec.Struct):
    columns: list[Any]
    data: list[list[Any]]


class Body(msgspec.Struct):
    """Exactly one of the first four is given."""

    dataframe_split: Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    inputs: Any = None
    instances: list[Any] | None = None
    params: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Body)


def rows(content: bytes, content_type: str, signature: Signature) -> list[dict[str, Any]]:
    """One mapping a row; columns without names are named by their places.

    Raises: BadData if it is none of the formats. `msgspec` errors if JSON cannot be read.
    """
    if content_type.partition(";")[0].strip().lower() == CSV:
        return _of_csv(content, signature)
    body = _decoder.decode(content)
    given = [name for name in Body.__struct_fields__[:4] if getattr(body, name) is not None]
    if len(given) != 1 or body.params:
        raise BadData(
            f"The body holds {', '.join(given) or 'nothing'}{' and params, which are not passed on' if body.params else ''}. "
            f"Send one of dataframe_split, dataframe_records, inputs or instances, without params."
        )
    if body.dataframe_split is not None:
        return _of_split(body.dataframe_split)
    if body.dataframe_records is not None:
        return body.dataframe_records
    return _of_tensor(body.inputs if body.instances is None else body.instances, signature)


def _of_split(split: Split) -> list[dict[str, Any]]:
    names = [str(name) for name in split.columns]
    uneven = next((row for row, values in enumerate(split.data) if len(values) != len(names)), None)
    if uneven is not None:
        raise BadData(f"Row {uneven} of dataframe_split has {len(split.data[uneven])} values for {len(names)} columns.")
    return [dict(zip(names, values, strict=True)) for values in split.data]


def _of_tensor(given: Any, signature: Signature) -> list[dict[str, Any]]:
    if isinstance(given, Mapping):  # columns, or tensors by name
        columns = [values if isinstance(values, list) else [values] for values in given.values()]
        if len({len(values) for values in columns}) != 1:
            raise BadData("The columns of inputs must have equally many rows.")
        return [dict(zip(given, values, strict=True)) for values in zip(*columns, strict=True)]
    if not isinstance(given, list):
        raise BadData(f"inputs is {given!r:.80}; a list of rows, or an object of columns, is needed.")
    whole = signature.columns[0] if len(signature.columns) == 1 and signature.columns[0].type == "json" else None
    return [_row(value, "" if whole is None else whole.name) for value in given]


def _row(value: Any, whole: str) -> dict[str, Any]:
    if whole and not (isinstance(value, dict) and whole in value):
        return {whole: value}
    if isinstance(value, dict):
        return value
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return {str(place): one for place, one in enumerate(values)}


def _of_csv(content: bytes, signature: Signature) -> list[dict[str, Any]]:
    texts = {column.name: pl.String for column in signature.columns if column.type in ("string", "timestamp")}
    try:
        frame = pl.read_csv(io.BytesIO(content), schema_overrides=texts, infer_schema_length=None)
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise BadData(f"The body is no CSV with a line of names: {error}") from error
    return frame.to_dicts()
