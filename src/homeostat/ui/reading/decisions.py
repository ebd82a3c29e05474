"""Decisions of the loop, with their evidence in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from homeostat.loop import queries as loop
from homeostat.loop import records
from homeostat.ui import formats
from homeostat.ui.contexts import DecisionRow, DecisionsPage, Pair
from homeostat.ui.reading.here import PAGE_ROWS, Here

_KINDS = ("retrain", "advance", "promote", "rollback", "hold", "wait", "watch", "blocked", "failed", "none")
_CHANGES = ("retrain", "advance", "promote", "rollback", "blocked", "failed")
_QUIET = ("none", "watch", "wait", "hold")


def page(connection: Connection, here: Here, *, system: str, kind: str, before: int | None) -> DecisionsPage:
    found = loop.read_decisions(
        connection,
        system=system or None,
        verdicts=(kind,) if kind else (),
        before=before,
        limit=PAGE_ROWS + 1,
    )
    last = loop.read_decisions(connection, system=system or None, verdicts=_CHANGES, limit=1)
    shown = found[:PAGE_ROWS]
    return DecisionsPage(
        **here.frame,
        sentence=f"{last[0].system}, {formats.ago(last[0].at, here.now)}: {last[0].sentence}"
        if last
        else "Nothing was changed yet.",
        decisions=tuple(_row(one) for one in shown),
        systems=tuple(declared.name for declared in loop.declarations(connection)),
        kinds=_KINDS,
        system=system,
        kind=kind,
        older=shown[-1].id if len(found) > PAGE_ROWS else None,
    )


def latest(connection: Connection, system: str, limit: int) -> tuple[DecisionRow, ...]:
    """The newest decisions that changed something; before the first of them, the newest of any kind."""
    found = loop.read_decisions(connection, system=system, without=_QUIET, limit=limit)
    return tuple(_row(one) for one in found or loop.read_decisions(connection, system=system, limit=1))


def _row(found: records.DecisionRow) -> DecisionRow:
    return DecisionRow(
        id=found.id,
        at=found.at,
        system=found.system,
        kind=found.verdict,
        sentence=found.sentence,
        evidence=tuple(_pairs(found.evidence)),
    )


def _pairs(evidence: Mapping[str, Any]) -> Iterator[Pair]:
    """The figures of evidence that a person wants to see beside the sentence."""
    for name, reading in evidence.get("readings", {}).items():
        if reading["state"] == "breach" and reading["value"] is not None:
            band = formats.between(reading["low"], reading["high"])
            value = formats.number(reading["value"])
            yield Pair(name=name, value=value if band == formats.MISSING else f"{value} ({band})")
    paired = evidence.get("paired")
    if paired and paired["mean"] is not None:
        yield Pair(name="loss difference", value=formats.number(paired["mean"], 4))
        yield Pair(name="band", value=formats.between(paired["low"], paired["high"], "", 4))
        yield Pair(name="paired labels", value=formats.count(paired["n"]))
    gates: Mapping[str, str] = evidence.get("gates", {})
    if gates:
        passed = sum(status in {"passed", "waived"} for status in gates.values())
        applied = sum(status != "not_applicable" for status in gates.values())
        yield Pair(name="gates", value=f"{passed} of {applied} passed")
    if evidence.get("labels"):
        yield Pair(name="new labels", value=formats.count(evidence["labels"]))
    if "breach_to_champion_h" in evidence:
        yield Pair(name="breach to champion", value=f"{evidence['breach_to_champion_h']:.0f} h")
    if evidence.get("trigger"):
        yield Pair(name="trained because of", value=str(evidence["trigger"]))
