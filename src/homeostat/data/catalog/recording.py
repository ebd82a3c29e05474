"""Writing a version down."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from homeostat.core.digests import canonical_json
from homeostat.data.catalog.records import Version
from homeostat.data.contracts.report import Report
from homeostat.data.facts import DataAdded
from homeostat.store import ledger, lineage, refs
from homeostat.store.db.schema.data import dataset_versions


def record(connection: Connection, version: Version, edges: Sequence[lineage.Edge], report: Report | None) -> None:
    """Write a version's row, ref, lineage and fact, in the caller's transaction."""
    connection.execute(
        insert(dataset_versions).values(
            **{name: getattr(version, name) for name in Version.__struct_fields__ if name != "columns"},
            columns=canonical_json(version.columns).decode(),
            report=None if report is None else canonical_json(report).decode(),
        )
    )
    if not version.branch:
        refs.move(connection, f"dataset/{version.dataset}", version.manifest, version.created_at, version.created_by)
    lineage.record(connection, version.created_at, edges)
    ledger.append(
        connection,
        version.created_at,
        DataAdded(
            actor=version.created_by,
            dataset=version.dataset,
            version=version.number,
            id=version.id,
            rows=version.rows,
            rows_added=version.rows_added,
            source=version.source,
        ),
    )
