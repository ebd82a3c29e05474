"""Datasets, their versions, and what contracts kept out."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.core.errors import NotFound
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Quarantine, Version
from homeostat.ui import formats
from homeostat.ui.charts.records import State
from homeostat.ui.contexts import Block, Change, DataPage, DatasetPage, DatasetRow, Judgement, Use, VersionRow
from homeostat.ui.reading import versions
from homeostat.ui.reading.here import PAGE_ROWS, Here

_BLOCKS = 10  # of a page; the latest


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


def one(
    connection: Connection, here: Here, name: str, *, number: int | None, before: int | None, is_profiled: bool
) -> DatasetPage:
    """A dataset at one of its versions, the newest without a number.

    Raises: NotFound listing the datasets there are, or saying which versions.
    """
    latest = queries.newest(connection, name)
    if latest is None:
        known = ", ".join(queries.names(connection)) or "none"
        raise NotFound(f"There is no dataset {name!r}. There are: {known}. Add one: homeostat data append {name} FILE")
    shown = latest if number is None else queries.by_number(connection, name, number)
    if shown is None:
        raise NotFound(f"Dataset {name!r} has no version {number}: its versions are 1 to {latest.number}.")
    parent = None if shown.parent is None else queries.by_number(connection, name, shown.parent)
    found = versions.outlined(here, connection, shown, parent)
    change = versions.change(here, shown, parent, found)
    is_large = not is_profiled and versions.is_large(shown)
    columns, profiled_as = (
        ((), "") if shown.is_files else versions.columns(here, shown, parent, found, is_profiled=not is_large)
    )
    row = _row(connection, here, latest)
    edges = versions.used(connection, name)
    uses, systems = versions.uses(connection, edges), versions.systems(connection, name)
    judgement = versions.judgement(queries.report(connection, name, shown.number))
    history = [version for version in queries.versions(connection, name) if before is None or version.number < before]
    labels = _labels(here, name)
    counted = versions.counts(edges)
    return DatasetPage(
        **here.frame,
        sentence=_answer(row, shown, change, judgement, uses, systems),
        dataset=row,
        version=_version(shown, labels, counted),
        change=change,
        judgement=judgement,
        columns=columns,
        systems=systems,
        uses=uses,
        remotes=versions.remotes(here, shown),
        versions=tuple(_version(version, labels, counted) for version in history[:PAGE_ROWS]),
        blocks=tuple(_block(block) for block in queries.quarantines(connection, name)[:_BLOCKS]),
        is_files=shown.is_files,
        size=here.datasets.size_bytes(shown) if shown.is_files and shown.forgotten_at is None else None,
        profiled_as=profiled_as,
        is_large=is_large and not shown.is_files,
        older=history[PAGE_ROWS - 1].number if len(history) > PAGE_ROWS else None,
    )


def _answer(
    row: DatasetRow,
    shown: Version,
    change: Change,
    judgement: Judgement | None,
    uses: Sequence[Use],
    systems: Sequence[str],
) -> str:
    """What changed, is it sound, who uses it."""
    blocked = ""
    if row.open_blocks:
        blocked = f"{formats.plural(row.open_blocks, 'append')} to {row.name} {'is' if row.open_blocks == 1 else 'are'} blocked. "
    sound = "" if shown.is_files else " No contract was held to it."
    if judgement is not None:
        sound = {
            "met": " Its contract holds.",
            "breach": " Its contract kept rows out.",
            "unknown": " Its contract warns.",
        }[judgement.state]
    models = sum(use.what == "model" for use in uses)
    users = [f"{', '.join(systems)} {'learns' if len(systems) == 1 else 'learn'} from it"] if systems else []
    if models:
        users.append(f"{formats.plural(models, 'model version')} came of it")
    elif uses:
        users.append(f"{formats.plural(len(uses), 'run')} used it")
    told = f" {'; '.join(users)}." if users else " Nothing has used it yet."
    return f"{blocked}{row.name} {shown.number}: {change.sentence}{sound}{told}"


def _labels(here: Here, name: str) -> dict[int, tuple[str, ...]]:
    """Names of versions: branches that end with them, and tags."""
    found: dict[int, list[str]] = {}
    for branch, head in here.branches.all(name).items():
        found.setdefault(head.number, []).append(f"branch {branch}")
    for tag, number in here.datasets.tags(name).items():
        found.setdefault(number, []).append(tag)
    return {number: tuple(labels) for number, labels in found.items()}


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
        is_files=version.is_files,
    )


def _version(version: Version, labels: Mapping[int, tuple[str, ...]], uses: Mapping[int, int]) -> VersionRow:
    named = labels.get(version.number, ())
    if version.branch and f"branch {version.branch}" not in named:
        named = (f"on {version.branch}", *named)
    return VersionRow(
        number=version.number,
        id=version.id,
        rows=version.rows,
        rows_added=version.rows_added,
        created_at=version.created_at,
        created_by=version.created_by,
        source=version.source,
        labels=named,
        is_forgotten=version.forgotten_at is not None,
        uses=uses.get(version.number, 0),
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
        findings=tuple(versions.finding(result) for result in found.report.notable() if result.status != "unchecked"),
    )
