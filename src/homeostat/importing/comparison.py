"""Whether what a source told is here, each thing with its value. Pure.

Here may be more than there: tags somebody added, points that were logged here since.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from homeostat.core.digests import Digest, digest_bytes
from homeostat.importing.records import Run
from homeostat.track.blocks import Points
from homeostat.track.records import RunDetail

_SHOWN = 60  # characters of a value


def differences(run: Run, here: RunDetail) -> Iterator[str]:
    """What of a run is otherwise here; its curves and files are compared where they are written."""
    is_deleted = here.run.deleted_at is not None
    fields = {
        "name": (run.name, here.run.name),
        "user": (run.user, here.run.user),
        "status": (run.status, here.run.status),
        "start": (run.started_at, here.run.started_at),
        "end": (run.finished_at, here.run.finished_at),
        "deletion": (run.is_deleted, is_deleted),
    }
    yield from (
        f"its {what} is {_short(there)} there, {_short(ours)} here"
        for what, (there, ours) in fields.items()
        if there != ours
    )
    yield from _pairs("param", run.params, here.params)
    yield from _pairs("tag", run.tags, here.tags)
    yield from (f"it read dataset {one.name!r} there" for one in missing(run.datasets, here.inputs))
    yield from (f"it read model {one} there" for one in missing(run.models, here.model_inputs))
    yield from (f"it made model {one.model_id} there" for one in missing(run.outputs, here.outputs))


def missing(there: Iterable[Any], here: Iterable[Any]) -> list[Any]:
    ours = list(here)
    return [one for one in there if one not in ours]


def same(there: Mapping[str, str], here: Mapping[str, Any]) -> int:
    """How many of the pairs there are here."""
    return sum(here.get(key) == value for key, value in there.items())


def settled(points: Points) -> Points:
    """Points by step, time and value, each once: what is compared, for the order and repetitions say nothing."""
    # Bits of the value, for NaN is not equal to itself; + 0.0 makes one zero of the two, and all NaN are one.
    bits = np.where(np.isnan(points.values), np.nan, points.values + 0.0).view(np.int64)
    order = np.lexsort((bits, points.at, points.steps))
    columns = [column[order] for column in (points.steps, points.at, bits)]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return Points(columns[0][is_first], columns[1][is_first], columns[2][is_first].view(np.float64))


def checksum(points: Points) -> Digest:
    """Of settled points."""
    return digest_bytes(b"".join(column.tobytes() for column in points))


def held(there: Points, here: Points) -> int:
    """How many of the settled points `there` are among those `here`."""
    if checksum(there) == checksum(here):
        return len(there)
    both = Points(*(np.concatenate(pair) for pair in zip(there, here, strict=True)))
    return len(there) + len(here) - len(settled(both))


def _pairs(what: str, there: Mapping[str, str], here: Mapping[str, Any]) -> Iterator[str]:
    for key, value in there.items():
        if here.get(key) != value:
            ours = _short(here[key]) if key in here else "not"
            yield f"{what} {key!r} is {_short(value)} there, {ours} here"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
