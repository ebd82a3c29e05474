"""Pages read from a real workspace whose rooms hold a little of everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.codec.tables import Table
from homeostat.core.clock import DAY, Micros, parse_iso
from homeostat.core.digests import Digest
from homeostat.core.errors import ContractViolated, NotFound
from homeostat.data.contracts.infer import infer
from homeostat.loop.declaration import Declaration, retrain, rollout, window
from homeostat.loop.facts import RolledBack, TrainingDecided
from homeostat.loop.queries import declare, write_decision
from homeostat.monitor import setpoint
from homeostat.monitor.facts import SetpointBreached, SetpointMet
from homeostat.monitor.records import Reading as Figure
from homeostat.registry import gate
from homeostat.serve.records import Arm
from homeostat.store import ledger
from homeostat.ui.contexts.runs_query import RunsQuery
from homeostat.ui.reading import Reading
from homeostat.ui.render import render
from homeostat.workspace import Config, Project, Store, Workspace

START = parse_iso("2013-03-01")
SYSTEM = "late-flights"
MODEL = Digest("ab" * 32)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    config = Config(project=Project(name="flights"), store=Store(clock="watermark"))
    with Workspace.create(tmp_path / "project", config) as made:
        made.watermark.advance(START)
        yield made


def declared(workspace: Workspace) -> None:
    made = Declaration(
        name=SYSTEM,
        pipeline="pipelines:late_flights",
        data={"flights": window(last="56d", on="scheduled")},
        gates=(gate.metric("auc", at_least=0.6),),
        rollout=rollout(),
        setpoints=(setpoint.performance("brier", at_most=0.19, label_delay="1d"), setpoint.errors(at_most=0.001)),
        retrain=retrain(),
        entity="tailnum",
        look_every_us=DAY,
    )
    with workspace.database.write() as connection:
        declare(connection, made, START)


def decide(workspace: Workspace, verdict: str, times: int = 1) -> None:
    with workspace.database.write() as connection:
        for _ in range(times):
            write_decision(
                connection,
                system=SYSTEM,
                at=workspace.clock.now(),
                verdict=verdict,
                phase="idle",
                sentence=f"It is {verdict}.",
                evidence={"labels": 1200},
                fence=1,
            )


def test_an_empty_workspace_has_all_its_pages(workspace: Workspace) -> None:
    """Before anything happened every page can be read and says so."""
    read = Reading(workspace)
    pages = [
        read.overview(),
        read.decisions(system="", kind="", before=None),
        read.models(system="", before=None),
        read.data(),
        read.runs(RunsQuery()),
    ]

    assert [True] * 5 == ["homeostat " in render(page) for page in pages]


def test_what_is_not_there_is_named(workspace: Workspace) -> None:
    """System, model, dataset and run that do not exist raise NotFound with their name."""
    read = Reading(workspace)

    for ask in (
        lambda: read.system("nobody"),
        lambda: read.model("nobody", 3),
        lambda: read.dataset("nobody", number=None, before=None, is_profiled=False),
        lambda: read.run("nobody", {}),
    ):
        with pytest.raises(NotFound, match="nobody"):
            ask()


def test_a_declared_system_is_unknown_at_first(workspace: Workspace) -> None:
    """Without a reading each declared setpoint is unknown, and the page renders."""
    declared(workspace)
    page = Reading(workspace).system(SYSTEM)

    assert [("brier", "unknown"), ("errors", "unknown")] == [(one.name, one.state) for one in page.card.setpoints]
    assert "nothing is known yet" in render(page)


def test_a_breach_leads_the_overview(workspace: Workspace) -> None:
    """A breached setpoint puts its system's state and sentence first."""
    declared(workspace)
    breached = Figure(
        system=SYSTEM,
        setpoint="performance:brier",
        kind="performance",
        at=START,
        value=0.22,
        low=0.20,
        high=0.24,
        at_most=0.19,
        state="breach",
        rows=5930,
        sentence="The Brier score is 0.22.",
    )
    with workspace.database.write() as connection:
        workspace.monitor.record(connection, [breached])
    page = Reading(workspace).overview()

    assert ("breach", "1 of 1 system in breach: late-flights.") == (page.state, page.sentence)
    assert "The Brier score is 0.22." == page.systems[0].detail


def test_quiet_decisions_are_merged(workspace: Workspace) -> None:
    """The same decision to wait, taken at every look, is one row with its count; changes stay apart."""
    declared(workspace)
    for verdict, times in (("none", 5), ("retrain", 1), ("retrain", 1), ("hold", 3)):
        decide(workspace, verdict, times)
    page = Reading(workspace).decisions(system=SYSTEM, kind="", before=None)

    assert [("hold", 3), ("retrain", 1), ("retrain", 1), ("none", 5)] == [
        (row.kind, row.times) for row in page.decisions
    ]


def test_decisions_page_by_cursor(workspace: Workspace) -> None:
    """Following the cursor to the end meets each decision exactly once."""
    declared(workspace)
    for _ in range(60):
        decide(workspace, "retrain")
        decide(workspace, "wait", 2)
    read, before, times = Reading(workspace), None, 0
    for _ in range(5):
        page = read.decisions(system="", kind="", before=before)
        times += sum(row.times for row in page.decisions)
        before = page.older
        if before is None:
            break

    assert (180, None) == (times, before)


def test_the_timeline_is_read_from_the_ledger(workspace: Workspace) -> None:
    """Facts become events: breaches with their end, trials with their parts, trainings, roll-backs."""
    declared(workspace)
    day = [Micros(START + index * DAY) for index in range(8)]
    breached = SetpointBreached(
        system=SYSTEM, setpoint="errors", value=0.1, at_most=0.001, onset_at=day[0], sentence="It fails."
    )
    with workspace.database.write() as connection:
        ledger.append(connection, day[0], breached)
        ledger.append(connection, day[1], TrainingDecided(system=SYSTEM, trigger="breach", sentence="It fails."))
    for index, weight in ((2, 0.0), (3, 0.05), (4, 0.25)):
        workspace.watermark.advance(day[index])
        arms = [
            Arm(role="champion", version=1, model=MODEL, weight=1 - weight),
            Arm(role="challenger", version=2, model=MODEL, weight=weight),
        ]
        with workspace.database.write() as connection:
            workspace.deployments.deploy(connection, SYSTEM, arms, mirrored=True)
    workspace.watermark.advance(day[5])
    with workspace.database.write() as connection:
        alone = [Arm(role="champion", version=1, model=MODEL, weight=1.0)]
        workspace.deployments.deploy(connection, SYSTEM, alone)
        ledger.append(connection, day[5], RolledBack(system=SYSTEM, version=2, champion=1, sentence="Worse."))
        met = SetpointMet(system=SYSTEM, setpoint="errors", value=0.0, at_most=0.001, sentence="It holds.")
        ledger.append(connection, day[6], met)
    page = Reading(workspace).system(SYSTEM)

    assert [
        ("breach", day[0], day[6]),
        ("retrain", day[1], None),
        ("shadow", day[2], day[3]),
        ("canary", day[3], day[5]),
        ("rollback", day[5], None),
    ] == [(event.kind, event.at, event.until) for event in page.events]
    assert [("champion", 1, 1.0)] == [(arm.role, arm.version, arm.weight) for arm in page.card.arms]


def test_a_blocked_append_is_on_the_data_page(workspace: Workspace) -> None:
    """What a contract refused stands open on the page of data, with what failed."""
    rows = {"distance": [float(100 + value * 37 % 1000) for value in range(1000)]}
    workspace.datasets.append("flights", Table.of(rows), source="day 1")
    workspace.datasets.set_contract("flights", infer(Table.of(rows), name="flights"))
    far = Table.of({"distance": [value * 1000 for value in rows["distance"]]})
    with pytest.raises(ContractViolated):
        workspace.datasets.append("flights", far, source="day 2", contract=workspace.datasets.contract("flights"))
    page = Reading(workspace).data()

    assert ("breach", 1, True) == (page.state, page.datasets[0].open_blocks, page.datasets[0].has_contract)
    assert {"distance"} == {finding.column for finding in page.blocks[0].findings}
    assert "day 2" in render(Reading(workspace).dataset("flights", number=None, before=None, is_profiled=False))


def test_a_registered_model_has_its_page(workspace: Workspace) -> None:
    """A version that was never judged says so and shows where it comes from."""
    with workspace.database.write() as connection:
        workspace.registry.register(
            connection,
            SYSTEM,
            model=MODEL,
            run_id="run-1",
            data=("dataset:flights@41",),
            code="cd" * 32,
            environment="",
            metrics={"auc": 0.71},
            by="controller",
        )
    read = Reading(workspace)
    page, models = read.model(SYSTEM, 1), read.models(system="", before=None)

    assert [("run", "/runs/run-1"), ("data", "/data/flights/41"), ("code", ""), ("made by", "")] == [
        (pair.name, pair.href) for pair in page.provenance
    ]
    assert [(1, 0)] == [(row.number, row.gates_total) for row in models.models]
