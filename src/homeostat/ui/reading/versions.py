"""One version of a dataset: what is new in it, what its contract said, what its values look like, who uses it."""

from collections import Counter
from collections.abc import Sequence

import polars as pl
import pyarrow as pa
from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.core.errors import HomeostatError
from homeostat.data.catalog.records import Version
from homeostat.data.contracts.page import chart
from homeostat.data.contracts.profile import ColumnProfile, Profile, profile
from homeostat.data.contracts.report import Report, Result
from homeostat.data.diffs.files import FilesDiff
from homeostat.data.diffs.outline import Outline, outline
from homeostat.data.diffs.records import ColumnChange, schema_changes
from homeostat.data.versions import Versions
from homeostat.loop.queries import declarations
from homeostat.pipelines import queries as pipeline_queries
from homeostat.registry import queries as registry
from homeostat.store import lineage
from homeostat.store.lineage import Edge
from homeostat.ui import formats
from homeostat.ui.charts.records import State
from homeostat.ui.contexts import Change, ColumnRow, FileRow, Finding, Judgement, Pair, RemoteRow, Use
from homeostat.ui.reading.here import Here

SEVERITIES = {
    "blocked": "block",
    "quarantined": "quarantine",
    "warned": "warn",
    "unchecked": "unchecked",
    "met": "met",
}
FILES = 30  # of a change
_USES = 1000  # newest, of all versions
_USES_SHOWN = 30
_COLUMNS_DRAWN = 40
_PROFILED_AT_ONCE = 5_000_000  # values: about a quarter of a second when nothing is kept of them


def change(here: Here, version: Version, before: Version | None, found: Outline | None) -> Change:
    """What is new in a version. Raises: CorruptObject if the store lost its tree of files."""
    if before is None:
        what = formats.plural(version.rows, "file" if version.is_files else "row")
        return Change(against=0, sentence=f"It is the first version, with {what}.")
    if version.is_files != before.is_files:
        return Change(against=before.number, sentence=f"It replaces all that version {before.number} held.")
    if version.forgotten_at is not None or before.forgotten_at is not None:
        return Change(against=before.number, sentence=f"{_counted(version, before)} Contents were given up since.")
    if version.id == before.id:
        return Change(against=before.number, sentence=f"It holds what version {before.number} held.")
    if version.is_files:
        return _files_change(here.datasets.diff_files(before, version))
    columns = schema_changes(before.columns, version.columns)
    return Change(
        against=before.number,
        sentence=" ".join([*_schema_sentence(columns), _rows_sentence(version, before, found)]).strip(),
        touched=()
        if found is None
        else tuple(
            Pair(name=name, value=f"among {formats.plural(rows, 'row')}")
            for name, rows in sorted(found.touched.items(), key=lambda item: -item[1])
        ),
    )


def outlined(here: Here, connection: Connection, version: Version, before: Version | None) -> Outline | None:
    """How the rows of two versions of a table relate, from digests; None where there is nothing to compare."""
    if before is None or version.is_files or before.is_files or version.id == before.id:
        return None
    if version.forgotten_at is not None or before.forgotten_at is not None:
        return None
    role = next((edge.role for edge in lineage.made_of(connection, [before.node]) if edge.child == version.node), "")
    if role == "previous" and version.rows == before.rows + version.rows_added:
        # Segments may have been merged meanwhile, so that their digests no longer show it.
        return Outline(is_appended=True, touched={}, moved=version.rows_added, rows=version.rows_added)
    versions = Versions(here.objects)
    return outline(versions.manifest(before), versions.manifest(version))


def file_rows(found: FilesDiff) -> list[FileRow]:
    """Files that differ, by path."""
    rows = [FileRow(sign="+", path=one.path, size=one.size, was=None) for one in found.added]
    rows += [FileRow(sign="-", path=one.path, size=None, was=one.size) for one in found.removed]
    pairs = zip(found.changed, found.changed_from, strict=True)
    rows += [FileRow(sign="~", path=now.path, size=now.size, was=was.size) for now, was in pairs]
    return sorted(rows, key=lambda row: row.path)


def files_sentence(found: FilesDiff) -> str:
    return f"{formats.plural(len(found.added), 'file')} added, {len(found.removed):,} removed, {len(found.changed):,} changed."


def _files_change(found: FilesDiff) -> Change:
    rows = file_rows(found)
    return Change(
        against=found.before,
        sentence=files_sentence(found),
        files=tuple(rows[:FILES]),
        more_files=max(0, len(rows) - FILES),
    )


def _counted(version: Version, before: Version) -> str:
    if version.rows == before.rows:
        return f"It still holds {formats.plural(version.rows, 'row')}."
    return f"It holds {formats.plural(version.rows, 'row')}, {before.rows:,} before."


def _rows_sentence(version: Version, before: Version, found: Outline | None) -> str:
    if found is None:
        return _counted(version, before)
    if found.is_appended and version.rows == before.rows:
        return "No value of the other columns changed."
    if found.is_appended:
        added = version.rows - before.rows
        return (
            f"{formats.plural(added, 'row')} {'was' if added == 1 else 'were'} added at the end; none before changed."
        )
    parts = []
    if found.touched:
        most = max(found.touched.values())
        names = _listed(sorted(found.touched, key=lambda name: -found.touched[name]))
        parts.append(f"values of {names} differ among {formats.plural(most, 'row')}")
    if found.moved:
        parts.append(f"rows came, went or moved among {found.moved:,} of both versions")
    told = "; ".join(parts) or "the columns stand in another order"
    return f"{told[0].upper()}{told[1:]}. {_counted(version, before)}"


def _schema_sentence(changes: Sequence[ColumnChange]) -> list[str]:
    new = [one.name for one in changes if not one.before]
    gone = [one.name for one in changes if not one.after]
    other = [f"{one.name} is {one.after}, was {one.before}" for one in changes if one.before and one.after]
    told = []
    if new:
        told.append(f"New: {_listed(new)}.")
    if gone:
        told.append(f"Gone: {_listed(gone)}.")
    return [*told, *(f"{text}." for text in other[:3])]


def _listed(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def judgement(report: Report | None) -> Judgement | None:
    if report is None:
        return None
    notable = [finding(result) for result in report.notable()]
    met = [finding(result) for result in report.results if result.status == "met"]
    kept = f"{formats.plural(report.rows, 'row')} came and all were accepted"
    if report.rejected:
        kept = f"{report.rejected:,} of {formats.plural(report.rows, 'row')} went to quarantine"
    return Judgement(
        contract=report.contract,
        state="breach" if report.rejected else "unknown" if notable else "met",
        sentence=f"{kept}; {len(met)} of {formats.plural(len(report.results), 'expectation')} were met.",
        notable=tuple(notable),
        met=tuple(met),
    )


def finding(result: Result) -> Finding:
    return Finding(
        expectation=result.expectation,
        column=result.column,
        observed=result.observed,
        expected=result.expected,
        severity=SEVERITIES[result.status],
        rows=result.failing,
    )


def is_large(version: Version) -> bool:
    """Whether to look at all its values would hold up a page."""
    return version.forgotten_at is None and version.rows * len(version.columns) > _PROFILED_AT_ONCE


def columns(
    here: Here, version: Version, before: Version | None, found: Outline | None, *, is_profiled: bool
) -> tuple[tuple[ColumnRow, ...], str]:
    """Columns of a table with what is known of their values, and which rows that speaks of.

    Cost: if profiled, once O(rows); what is worked out is kept by segment.
    """
    changes = {} if before is None else {one.name: one for one in schema_changes(before.columns, version.columns)}
    touched = found.touched if found else {}
    rows = [
        ColumnRow(
            name=column.name, type=column.type, change=_column_change(changes.get(column.name), column.name in touched)
        )
        for column in version.columns
    ]
    gone = [ColumnRow(name=one.name, type=one.before, change="gone") for one in changes.values() if not one.after]
    if not is_profiled or version.forgotten_at is not None:
        return (*rows, *gone), ""
    live, reference = _profiles(here, version, before, found)
    types = {column.name: column.type for column in version.columns}
    drawn = [
        _profiled(row, live.columns[row.name], reference.columns.get(row.name) if reference else None, types[row.name])
        if index < _COLUMNS_DRAWN
        else row
        for index, row in enumerate(rows)
    ]
    is_tail = live.rows < version.rows
    bars = f"Bars: {formats.plural(live.rows, 'row')} {'that are new' if is_tail else 'of this version'}."
    return (*drawn, *gone), f"{bars} Outline: the version before." if reference else bars


def _column_change(found: ColumnChange | None, is_touched: bool) -> str:  # noqa: FBT001 - read once, above
    if found is not None:
        return f"was {found.before}" if found.before else "new"
    return "values differ" if is_touched else ""


def _profiles(
    here: Here, version: Version, before: Version | None, found: Outline | None
) -> tuple[Profile, Profile | None]:
    """Of the rows that are new, and of the version before."""
    guard = here.datasets.guard
    if before is None or before.is_files or before.forgotten_at is not None:
        return guard.profile(version), None
    if found is not None and found.is_appended and version.rows > before.rows:
        return profile(pl.DataFrame(_tail(here, version, version.rows - before.rows))), guard.profile(before)
    return guard.profile(version), guard.profile(before)


def _tail(here: Here, version: Version, rows: int) -> pa.Table:
    """The last rows of a version."""
    versions = Versions(here.objects)
    parts: list[pa.Table] = []
    found = 0
    for segment in reversed(versions.manifest(version).segments):
        parts.insert(0, versions.segment(version, segment))
        found += segment.rows
        if found >= rows:
            break
    return pa.concat_tables(parts).slice(found - rows)


def _profiled(row: ColumnRow, live: ColumnProfile, reference: ColumnProfile | None, type_: str) -> ColumnRow:
    drawn = chart(row.name, live, reference)
    return ColumnRow(
        name=row.name,
        type=row.type,
        change=row.change,
        is_profiled=True,
        nulls=live.nulls / live.rows if live.rows else 0.0,
        distinct=live.distinct,
        range=_range(live, type_),
        live=tuple(round(bar.live, 2) for bar in drawn.bars),
        reference=tuple(round(bar.reference, 2) for bar in drawn.bars),
        drift=None if drawn.psi is None else max(0.0, drawn.psi),  # debiased: without drift it lies around zero
    )


def _range(live: ColumnProfile, type_: str) -> str:
    if live.low is None or live.high is None:
        return f"{live.shortest} to {live.longest} characters" if live.longest is not None else ""
    if type_.startswith(("timestamp", "date")):
        first, last = (formats.day(Micros(int(value))) for value in (live.low, live.high))
        return first if first == last else f"{first} to {last}"
    return f"{live.low:.6g} to {live.high:.6g}"


def used(connection: Connection, name: str) -> list[Edge]:
    """Edges to what was made of any version of a dataset, newest first."""
    return lineage.uses(connection, "dataset", name, _USES)


def uses(connection: Connection, edges: Sequence[Edge]) -> tuple[Use, ...]:
    """What was made of a dataset, for people, newest first."""
    tables = {edge.child: edge for edge in edges if edge.child.startswith("table:")}
    actions = [
        (edge.child.partition(":")[2], tables[edge.parent])
        for edge in lineage.made_of(connection, list(tables)[:_USES_SHOWN])
        if edge.child.startswith("action:")
    ]
    found = dict.fromkeys(use for edge in edges if (use := _use(connection, edge)))
    runs = pipeline_queries.runs_of(connection, [action for action, _ in actions])
    for action, edge in actions:
        if action in runs:
            pipeline, run_id = runs[action]
            href = f"/pipelines/{pipeline}?run={run_id}"
            found[Use(what="pipeline", name=pipeline, href=href, version=_number(edge.parent))] = None
    return tuple(sorted(found, key=lambda use: -use.version))[:_USES_SHOWN]


def counts(edges: Sequence[Edge]) -> Counter[int]:
    """How many things were made of each version."""
    return Counter(_number(edge.parent) for edge in edges)


def _use(connection: Connection, edge: Edge) -> Use | None:
    kind, _, key = edge.child.partition(":")
    if kind == "model-version":
        system, _, number = key.rpartition("@")
        is_champion = registry.alias(connection, system, "champion") == int(number)
        return Use(
            what="model",
            name=f"{system} v{number}",
            href=f"/models/{system}/{number}",
            version=_number(edge.parent),
            note="champion" if is_champion else "",
        )
    if kind == "run":
        return Use(what="run", name=key, href=f"/runs/{key}", version=_number(edge.parent))
    return None


def _number(parent: str) -> int:
    return int(parent.rpartition("@")[2])


def systems(connection: Connection, name: str) -> tuple[str, ...]:
    """Systems that learn from a dataset."""
    return tuple(declared.name for declared in declarations(connection) if name in declared.data)


def remotes(here: Here, version: Version) -> tuple[RemoteRow, ...]:
    """Where else a version is. Only directories are asked: a page waits for no server."""
    return tuple(_remote(here, name, version) for name in here.remotes)


def _remote(here: Here, name: str, version: Version) -> RemoteRow:
    url, command = here.remotes[name].url, f"homeostat data push {version.name} --remote {name}"
    state: State = "unknown"
    sentence = "This page asks no server. Sending what is there costs nothing:"
    if url.startswith("file:"):
        try:
            held = here.exchange.held(here.open_remote(name), version.dataset)
        except HomeostatError as error:
            return RemoteRow(name=name, url=url, state=state, sentence=error.message)
        if version.number in held:
            return RemoteRow(name=name, url=url, state="met", sentence=f"Has {formats.plural(len(held), 'version')}.")
        state, sentence = "breach", f"Has {formats.plural(len(held), 'other version') if held else 'no version'}."
    return RemoteRow(name=name, url=url, state=state, sentence=sentence, command=command)
