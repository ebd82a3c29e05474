"""The data and models that a run read, and the models it made."""

import json
from collections.abc import Iterable
from urllib.parse import quote

from sqlalchemy import Connection

from homeostat.core.digests import short
from homeostat.registry import logged
from homeostat.registry import queries as registry
from homeostat.track.records import DATASET_CONTEXT, DatasetInput, RunDetail
from homeostat.ui import formats
from homeostat.ui.contexts import InputRow, ModelLink, RunData

_COLUMNS = 8  # named of a schema


def tab(connection: Connection, detail: RunDetail, against: RunDetail | None) -> RunData:
    """The tab of this name."""
    return RunData(
        inputs=tuple(_row(used, against) for used in detail.inputs), models=tuple(_models(connection, detail))
    )


def summary(detail: RunDetail, against: RunDetail) -> list[str]:
    """What was read in another version, in words."""
    now, before = _versions(detail), _versions(against)
    return [
        f"{name} {before.get(name, formats.MISSING)} → {now.get(name, formats.MISSING)}"
        for name in dict.fromkeys([*now, *before])
        if now.get(name) != before.get(name)
    ]


def _versions(detail: RunDetail) -> dict[str, str]:
    return {used.name: version_of(used) for used in detail.inputs}


def version_of(used: DatasetInput) -> str:
    return used.digest if len(used.digest) <= 12 else short(used.digest)


def _row(used: DatasetInput, against: RunDetail | None) -> InputRow:
    before = _versions(against).get(used.name) if against else None
    version = version_of(used)
    is_ours = used.source_type == "homeostat" and used.digest.isdecimal()
    return InputRow(
        name=used.name,
        context=used.tags.get(DATASET_CONTEXT, ""),
        version=version,
        href=f"/data/{quote(used.name)}/{used.digest}" if is_ours else "",
        source=_source(used),
        about=", ".join(_about(used)),
        before=before if before is not None and before != version else "",
    )


def _source(used: DatasetInput) -> str:
    """Where it came from: clients of MLflow write JSON with an address in it."""
    try:
        found = json.loads(used.source)
    except ValueError:
        return used.source
    if not isinstance(found, dict):
        return used.source
    return next((str(found[key]) for key in ("uri", "url", "path", "table_name") if found.get(key)), used.source_type)


def _about(used: DatasetInput) -> Iterable[str]:
    """What a client of MLflow said of its rows and columns."""
    try:
        profile, schema = json.loads(used.profile or "{}"), json.loads(used.schema or "{}")
    except ValueError:
        return
    if isinstance(profile, dict):
        for key, value in profile.items():
            if isinstance(value, int | float):
                yield f"{value:,} {key.removeprefix('num_').replace('_', ' ')}"
    columns = schema.get("mlflow_colspec") if isinstance(schema, dict) else None
    if isinstance(columns, list):
        names = [str(column.get("name", "")) for column in columns if isinstance(column, dict)]
        more = f" and {len(names) - _COLUMNS} more" if len(names) > _COLUMNS else ""
        yield f"columns {', '.join(names[:_COLUMNS])}{more}"


def _models(connection: Connection, detail: RunDetail) -> Iterable[ModelLink]:
    steps = {output.model_id: output.step for output in detail.outputs}
    known = {model.id: model for model in logged.read(connection, [*detail.model_inputs, *steps])}
    for model_id in detail.model_inputs:
        model = known.get(model_id)
        made_by = model.source_run_id if model else ""
        yield ModelLink(
            way="read",
            id=model_id,
            name=model.name if model else model_id,
            detail="logged model",
            href=f"/runs/{quote(made_by)}?tab=artifacts" if made_by else "",
        )
    for model_id, step in steps.items():
        model = known.get(model_id)
        kind = f", {model.model_type}" if model and model.model_type else ""
        yield ModelLink(
            way="made",
            id=model_id,
            name=model.name if model else model_id,
            detail=f"logged model{kind}, step {step:,}",
            href=f"/runs/{quote(detail.run.id)}?tab=artifacts",
        )
    for system, number in registry.made_by(connection, detail.run.id):
        yield ModelLink(
            way="made",
            id=f"{system}@{number}",
            name=f"{system} v{number}",
            detail="model version",
            href=f"/models/{quote(system)}/{number}",
        )
