"""What contracts kept out, and how it is settled. The rows stay in the object store as they came."""

import msgspec
from sqlalchemy import Connection, insert, update

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.ids import new_id
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Quarantine, Version
from homeostat.data.contracts.report import Report
from homeostat.data.contracts.verdict import Verdict
from homeostat.data.facts import AppendBlocked, BlockResolved, RowsQuarantined
from homeostat.data.records import Offer
from homeostat.store import ledger
from homeostat.store.db.schema.data import quarantine


def block_append(connection: Connection, offer: Offer, report: Report, content: Digest, at: Micros) -> Quarantine:
    """Keep a refused append, in the caller's transaction; one that is kept already stays as it is.

    Args:
        content: the object with its rows.
    """
    known = next(
        (
            block
            for block in queries.blocks(connection, [offer.dataset])
            if block.source == offer.source and block.offered == offer.rows.digest
        ),
        None,
    )
    if known is not None:
        return known
    block = Quarantine(
        id=new_id("block", at),
        dataset=offer.dataset,
        is_block=True,
        source=offer.source,
        offered=offer.rows.digest,
        rows=offer.rows.rows,
        object=content,
        reason=report.reason,
        report=report,
        at=at,
    )
    _insert(connection, block)
    ledger.append(
        connection,
        at,
        AppendBlocked(
            actor=offer.actor,
            dataset=block.dataset,
            block=block.id,
            source=block.source,
            rows=block.rows,
            reason=block.reason,
        ),
    )
    return block


def quarantine_rows(connection: Connection, version: Version, verdict: Verdict, content: Digest) -> None:
    """Keep the rows that `version` was made without, in the caller's transaction."""
    reasons = [result.sentence for result in verdict.report.results if result.status == "quarantined"]
    kept = Quarantine(
        id=new_id("rows", version.created_at),
        dataset=version.dataset,
        is_block=False,
        source=version.source,
        offered=version.offered,
        rows=verdict.rejected.rows,
        object=content,
        reason="; ".join(reasons),
        report=verdict.report,
        at=version.created_at,
        version=version.number,
    )
    _insert(connection, kept)
    ledger.append(
        connection,
        kept.at,
        RowsQuarantined(
            actor=version.created_by,
            dataset=kept.dataset,
            version=version.number,
            quarantine=kept.id,
            source=kept.source,
            rows=kept.rows,
        ),
    )


def repair(connection: Connection, version: Version) -> None:
    """Settle the blocks that `version` makes good, in the caller's transaction: those of the same source.

    Rows without a source repair nothing: two of them need not come from the same place.
    """
    if not version.source:
        return
    for block in queries.blocks(connection, [version.dataset]):
        if block.source == version.source:
            resolve(connection, block, f"sent again: version {version.number}", version.created_at, version.created_by)


def resolve(connection: Connection, block: Quarantine, resolution: str, at: Micros, actor: str) -> Quarantine:
    """Settle a block, in the caller's transaction."""
    connection.execute(
        update(quarantine)
        .where(quarantine.c.id == block.id)
        .values(resolved_at=at, resolution=resolution, resolved_by=actor)
    )
    ledger.append(
        connection, at, BlockResolved(actor=actor, dataset=block.dataset, block=block.id, resolution=resolution)
    )
    return msgspec.structs.replace(block, resolved_at=at, resolution=resolution, resolved_by=actor)


def _insert(connection: Connection, kept: Quarantine) -> None:
    values = {name: getattr(kept, name) for name in Quarantine.__struct_fields__}
    connection.execute(insert(quarantine).values(values | {"report": canonical_json(kept.report).decode()}))
