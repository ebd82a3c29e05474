"""Datasets, their versions, and what contracts kept out."""

from collections.abc import Sequence

from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.core.errors import NotFound
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Quarantine, Version
from homeostat.data.contracts.report import Result
from homeostat.ui import formats
from homeostat.ui.charts.records import State
from homeostat.ui.contexts import Block, DataPage, DatasetPage, DatasetRow, Finding, Pair, VersionRow
from homeostat.ui.reading.here import PAGE_ROWS, Here

_BLOCKS = 10  # of a page; the latest
_SEVERITIES = {"blocked": "block", "quarantined": "quarantine", "warned": "warn"}


def page(connection: Connection, here: Here) -> DataPage:
    latest = queries.catalog(connection)
    blocks = [block for version in latest for block in queries.quarantines(connection, version.dataset)]
    blocks.sort(key=lambda block: (block.resolved_at is not None or not block.is_block, -block.at))
    datasets = tuple(_row(connection, here, version) for version in latest)
    return DataPage(
        **here.frame,
        sentence=_sentence(datasets, here.now),
        state=_state(datasets),
        datasets=datasets,
        blocks=tuple(_block(block) for block in blocks[:_BLOCKS]),
    )


def one(connection: Connection, here: Here, name: str, *, before: int | None) -> DatasetPage:
    """Raises: NotFound listing the datasets there are."""
    latest = queries.newest(connection, name)
    if latest is None:
        known = ", ".join(queries.names(connection)) or "none"
        raise NotFound(f"There is no dataset {name!r}. There are: {known}. Add one: homeostat data append {name} FILE")
    found = [version for version in queries.versions(connection, name) if before is None or version.number < before]
    shown = found[:PAGE_ROWS]
    row = _row(connection, here, latest)
    return DatasetPage(
        **here.frame,
        sentence=_sentence((row,), here.now),
        dataset=row,
        schema=tuple(Pair(name=column.name, value=column.type) for column in latest.columns),
        versions=tuple(_version(version) for version in shown),
        blocks=tuple(_block(block) for block in queries.quarantines(connection, name)[:_BLOCKS]),
        older=shown[-1].number if len(found) > PAGE_ROWS else None,
    )


def _sentence(datasets: Sequence[DatasetRow], now: Micros) -> str:
    if not datasets:
        return "No data was added yet."
    blocked = [row for row in datasets if row.open_blocks]
    if blocked:
        which = ", ".join(f"{formats.plural(row.open_blocks, 'append')} to {row.name}" for row in blocked)
        return f"Blocked: {which}. Retraining on this data waits until it is sent again or dismissed."
    newest = max(datasets, key=lambda row: row.changed_at)
    return f"Nothing is blocked; the latest change is {newest.name} version {newest.version}, {formats.ago(newest.changed_at, now)}."


def _state(datasets: Sequence[DatasetRow]) -> State:
    if any(row.open_blocks for row in datasets):
        return "breach"
    return "met" if datasets and all(row.has_contract for row in datasets) else "unknown"


def _row(connection: Connection, here: Here, version: Version) -> DatasetRow:
    return DatasetRow(
        name=version.dataset,
        version=version.number,
        id=version.id,
        rows=version.rows,
        columns=len(version.columns),
        changed_at=version.created_at,
        has_contract=here.datasets.contract(version.dataset) is not None,
        open_blocks=len(queries.blocks(connection, [version.dataset])),
    )


def _version(version: Version) -> VersionRow:
    return VersionRow(
        number=version.number,
        id=version.id,
        rows=version.rows,
        rows_added=version.rows_added,
        created_at=version.created_at,
        source=version.source,
    )


def _block(found: Quarantine) -> Block:
    resolved = found.resolution if found.resolved_at is not None else ""
    if not found.is_block and not resolved:
        resolved = f"The other rows were accepted as version {found.version}."
    return Block(
        id=found.id,
        dataset=found.dataset,
        at=found.at,
        source=found.source or "a person",
        rows=found.rows,
        is_whole=found.is_block,
        resolved=resolved,
        sentence=found.reason,
        findings=tuple(_finding(result) for result in found.report.notable() if result.status in _SEVERITIES),
    )


def _finding(result: Result) -> Finding:
    return Finding(
        expectation=result.expectation,
        column=result.column,
        observed=result.observed,
        expected=result.expected,
        severity=_SEVERITIES[result.status],
        rows=result.failing,
    )
