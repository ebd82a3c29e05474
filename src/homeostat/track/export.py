"""Runs as flat rows, and a selection of them as CSV, JSON or a notebook.

What is written is made page by page, so that a hundred thousand runs fit into the memory of a few. Read it inside of one
transaction: the columns of CSV are known from a first pass.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, cast, get_args

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import Micros, iso, moment
from homeostat.core.errors import UserError
from homeostat.track import keys
from homeostat.track.records import RunSummary
from homeostat.track.search.selection import Selection

Form = Literal["csv", "json", "notebook"]

ATTRIBUTES = ("run_id", "name", "experiment_id", "status", "user", "started_at", "finished_at")
_KINDS = {"params": "param", "tags": "tag", "metrics": "metric"}


def row(one: RunSummary, *, time: Callable[[Micros], Any] = moment) -> dict[str, Any]:
    """A run under the names `run_id`, ..., `params.lr`, `tags.team`, `metrics.loss`.

    Args:
        time: what an instant becomes; default: an aware datetime.
    Returns: params are JSON values, metrics the latest floats, NaN and infinities included.
    """
    run = one.run
    return {
        "run_id": run.id,
        "name": run.name,
        "experiment_id": run.experiment_id,
        "status": run.status,
        "user": run.user,
        "started_at": time(run.started_at),
        "finished_at": None if run.finished_at is None else time(Micros(run.finished_at)),
        **{f"params.{key}": value for key, value in one.params.items()},
        **{f"tags.{key}": value for key, value in one.tags.items()},
        **{f"metrics.{metric.key}": metric.value for metric in one.metrics},
    }


def written(connection: Connection, selection: Selection, form: Form) -> Iterator[str]:
    """The file, part by part.

    Raises: InvalidFilter with the first part.
    """
    match form:
        case "csv":
            return _csv(connection, selection)
        case "json":
            return _json(connection, selection)
        case "notebook":
            return iter([notebook(selection)])


def form(text: str) -> Form:
    """Raises: UserError if runs are not written so."""
    if text not in get_args(Form):
        raise UserError(f"Runs are not exported as {text!r}. There are: {', '.join(get_args(Form))}.")
    return cast("Form", text)


def notebook(selection: Selection) -> str:
    """A Jupyter notebook that loads the selection through `hs.runs`, in a project of its runs."""
    given = [repr(selection.text)] if selection.text else []
    if selection.experiment_ids is not None:
        given.append(f"experiment={[str(number) for number in selection.experiment_ids]!r}")
    if selection.order_by:
        given.append(f"order_by={list(selection.order_by)!r}")
    if selection.life != "active":
        given.append(f"life={selection.life!r}")
    cells = [
        _cell("markdown", f"# Runs\n\nThe same list in a shell: `{selection.command('list')}`"),
        _cell("code", f"import homeostat as hs\n\nfound = hs.runs({', '.join(given)})\nruns = found.polars()\nruns"),
        _cell(
            "code",
            'metrics = [name for name in runs.columns if name.startswith("metrics.") and not name.startswith("metrics.system/")]\n'
            "runs.select(metrics).describe()",
        ),
    ]
    body = {
        "cells": [{"id": f"cell-{number}", **cell} for number, cell in enumerate(cells)],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(body, indent=1) + "\n"


def _cell(kind: str, source: str) -> dict[str, Any]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True), **code}


def _csv(connection: Connection, selection: Selection) -> Iterator[str]:
    known: dict[str, set[str]] = {kind: set() for kind in _KINDS}
    for ids in selection.search(connection).id_pages():
        for name, kind in _KINDS.items():
            known[name].update(keys.of_runs(connection, kind, ids))
    names = [*ATTRIBUTES, *(f"{kind}.{key}" for kind, found in known.items() for key in sorted(found))]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    for page in selection.pages(connection):
        writer.writerows(row(one, time=iso) for one in page)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def _json(connection: Connection, selection: Selection) -> Iterator[str]:
    before = "[\n"
    for page in selection.pages(connection):
        lines = [msgspec.json.encode(_finite(row(one, time=iso))).decode() for one in page]
        if lines:
            yield before + ",\n".join(lines)
            before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _finite(flat: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinities: they are texts."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in flat.items()
    }
