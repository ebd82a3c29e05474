"""Reads of the data room's tables."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, func, select

from homeostat.data.catalog.records import Arrival, Column, Quarantine, Version
from homeostat.data.contracts.report import Report
from homeostat.store.db.schema.data import dataset_versions, quarantine

_COLUMNS = [column for column in dataset_versions.c if column.name != "report"]


def newest(connection: Connection, dataset: str) -> Version | None:
    """The latest version of a dataset, branches aside."""
    query = select(*_COLUMNS).where(dataset_versions.c.dataset == dataset, dataset_versions.c.branch == "")
    return _first(connection, query.order_by(dataset_versions.c.number.desc()))


def last_number(connection: Connection, dataset: str) -> int:
    """Number of the latest version of a dataset, of whatever branch; 0 if there is none."""
    query = select(func.max(dataset_versions.c.number)).where(dataset_versions.c.dataset == dataset)
    return connection.execute(query).scalar() or 0


def by_number(connection: Connection, dataset: str, number: int) -> Version | None:
    return _first(
        connection,
        select(*_COLUMNS).where(dataset_versions.c.dataset == dataset, dataset_versions.c.number == number),
    )


def accepted(connection: Connection, arrival: Arrival) -> Version | None:
    """The version that took these rows already: a feed that resumes after a crash sends them again.

    Rows without a source are never taken for a repetition.
    """
    if not arrival.source:
        return None
    return _first(
        connection,
        select(*_COLUMNS).where(
            dataset_versions.c.dataset == arrival.dataset,
            dataset_versions.c.offered == arrival.offered,
            dataset_versions.c.source == arrival.source,
            dataset_versions.c.branch == "",
        ),
    )


def versions(connection: Connection, dataset: str) -> list[Version]:
    """Every version of a dataset, newest first."""
    query = select(*_COLUMNS).where(dataset_versions.c.dataset == dataset)
    return [_version(row) for row in connection.execute(query.order_by(dataset_versions.c.number.desc())).mappings()]


def every(connection: Connection) -> list[Version]:
    """Every version of every dataset."""
    return [_version(row) for row in connection.execute(select(*_COLUMNS)).mappings()]


def names(connection: Connection) -> list[str]:
    query = select(dataset_versions.c.dataset).distinct().order_by(dataset_versions.c.dataset)
    return list(connection.execute(query).scalars())


def catalog(connection: Connection) -> list[Version]:
    """The latest version of each dataset, by name."""
    latest = (
        select(dataset_versions.c.dataset, func.max(dataset_versions.c.number).label("number"))
        .where(dataset_versions.c.branch == "")
        .group_by(dataset_versions.c.dataset)
        .subquery()
    )
    query = (
        select(*_COLUMNS)
        .join(
            latest,
            (dataset_versions.c.dataset == latest.c.dataset) & (dataset_versions.c.number == latest.c.number),
        )
        .order_by(dataset_versions.c.dataset)
    )
    return [_version(row) for row in connection.execute(query).mappings()]


def report(connection: Connection, dataset: str, number: int) -> Report | None:
    """What the contract said of the append that made a version; None if there was no contract."""
    found = connection.execute(
        select(dataset_versions.c.report).where(
            dataset_versions.c.dataset == dataset, dataset_versions.c.number == number
        )
    ).scalar()
    return None if found is None else msgspec.json.decode(found, type=Report)


def quarantines(connection: Connection, dataset: str) -> list[Quarantine]:
    """Whatever was kept out of a dataset, newest first."""
    return _quarantines(connection, select(quarantine).where(quarantine.c.dataset == dataset))


def quarantine_by_id(connection: Connection, quarantine_id: str) -> Quarantine | None:
    return next(iter(_quarantines(connection, select(quarantine).where(quarantine.c.id == quarantine_id))), None)


def blocks(connection: Connection, datasets: Sequence[str]) -> list[Quarantine]:
    """Blocked appends that nobody has repaired or dismissed, newest first."""
    return _quarantines(
        connection,
        select(quarantine).where(
            quarantine.c.dataset.in_(list(datasets)), quarantine.c.is_block, quarantine.c.resolved_at.is_(None)
        ),
    )


def _quarantines(connection: Connection, query: Select[Any]) -> list[Quarantine]:
    ordered = query.order_by(quarantine.c.at.desc(), quarantine.c.id.desc())
    return [
        Quarantine(**{**row, "report": msgspec.json.decode(row["report"], type=Report)})
        for row in connection.execute(ordered).mappings()
    ]


def _first(connection: Connection, query: Select[Any]) -> Version | None:
    row = connection.execute(query.limit(1)).mappings().first()
    return None if row is None else _version(row)


def _version(row: RowMapping) -> Version:
    columns = msgspec.json.decode(row["columns"], type=tuple[Column, ...])
    return Version(**{**row, "columns": columns})
