"""The quarantine: what a contract kept out, and how a block is settled."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from homeostat.codec.tables import Table
from homeostat.core.errors import ContractViolated, NotFound, UserError
from homeostat.data.contracts.contract import Contract, HasColumn, InRange
from homeostat.data.service import Datasets
from homeostat.store import ledger
from homeostat.store.db import Database

Feed = Callable[[int], Table]
CONTRACT = Contract(
    name="flights",
    expectations=(HasColumn(column="distance", type="float64"), InRange(column="distance", low=0, high=2000)),
)


def broken(day: Table) -> Table:
    return Table.of(day.polars().with_columns(pl.col("distance") * -1))


def kinds(database: Database) -> list[str]:
    with database.read() as connection:
        return [entry.kind for entry in ledger.entries(connection)]


@pytest.fixture
def guarded(datasets: Datasets, feed: Feed) -> Datasets:
    """A dataset with one day and a contract."""
    datasets.append("flights", feed(0), source="day-0")
    datasets.set_contract("flights", CONTRACT)
    return datasets


def block(datasets: Datasets, rows: Table, source: str = "day-1") -> str:
    """The message of the refusal."""
    with pytest.raises(ContractViolated) as refused:
        datasets.append("flights", rows, source=source)
    return refused.value.message


def test_a_sound_append_carries_its_report(guarded: Datasets, feed: Feed) -> None:
    """The report is returned, and kept with the version."""
    appended = guarded.append("flights", feed(1), source="day-1")

    assert appended.report is not None
    assert () == appended.report.notable()
    assert appended.report == guarded.report(appended.version)


def test_a_block_changes_nothing_but_the_quarantine(guarded: Datasets, feed: Feed, database: Database) -> None:
    """The dataset stays as it was; rows, reason and fact are kept."""
    rows = broken(feed(1))
    facts = kinds(database)

    message = block(guarded, rows)

    (kept,) = guarded.blocks(["flights"])
    assert 1 == guarded.version("flights").number
    assert [*facts, "append-blocked"] == kinds(database)
    assert ("day-1", 24, True) == (kept.source, kept.rows, kept.is_block)
    assert rows == guarded.quarantined_rows(kept.id)
    for part in (
        "'flights' blocked 24 rows",
        "range of 'distance'",
        "-1301 to -201",
        "expected 0 to 2000",
        kept.id,
        "source='day-1'",
    ):
        assert part in message


def test_the_same_block_is_kept_once(guarded: Datasets, feed: Feed, database: Database) -> None:
    """A feed that tries the same rows again and again fills nothing."""
    first, second = block(guarded, broken(feed(1))), block(guarded, broken(feed(1)))

    assert first == second
    assert (1, 1) == (len(guarded.quarantined("flights")), kinds(database).count("append-blocked"))


def test_a_later_accepted_append_of_the_source_repairs(guarded: Datasets, feed: Feed, database: Database) -> None:
    """The feed was mended and sent again: nothing is blocked any more, and the history stays."""
    block(guarded, broken(feed(1)))

    guarded.append("flights", feed(1), source="day-1", actor="feed")

    (settled,) = guarded.quarantined("flights")
    assert [] == guarded.blocks(["flights"])
    assert ("sent again: version 2", "feed") == (settled.resolution, settled.resolved_by)
    assert ["data-added", "block-resolved"] == kinds(database)[-2:]


def test_another_source_repairs_nothing(guarded: Datasets, feed: Feed) -> None:
    """The next day does not stand for the one that is missing."""
    block(guarded, broken(feed(1)))

    guarded.append("flights", feed(2), source="day-2")
    guarded.append("flights", feed(3))

    assert ["day-1"] == [kept.source for kept in guarded.blocks(["flights"])]


def test_a_block_without_source_is_only_dismissed(guarded: Datasets, feed: Feed) -> None:
    """Without a source nobody can tell that rows were sent again."""
    block(guarded, broken(feed(1)), source="")
    guarded.append("flights", feed(1))
    (kept,) = guarded.blocks(["flights"])

    settled = guarded.dismiss(kept.id, "a test of the feed", actor="ana")

    assert ([], "dismissed: a test of the feed", "ana") == (
        guarded.blocks(["flights"]),
        settled.resolution,
        settled.resolved_by,
    )
    assert [settled] == guarded.quarantined("flights")


def test_blocks_are_asked_for_by_dataset(guarded: Datasets, feed: Feed) -> None:
    """A system is held up by its own data only."""
    block(guarded, broken(feed(1)))

    assert ([], 1) == (guarded.blocks(["weather"]), len(guarded.blocks(["weather", "flights"])))


def test_dismissing_needs_an_open_block_and_a_reason(guarded: Datasets, feed: Feed) -> None:
    """What is settled stays settled, and the audit log says why."""
    block(guarded, broken(feed(1)))
    (kept,) = guarded.blocks(["flights"])

    with pytest.raises(UserError, match="Say why"):
        guarded.dismiss(kept.id, " ")
    with pytest.raises(NotFound, match="'block-none'"):
        guarded.dismiss("block-none", "typo")
    guarded.dismiss(kept.id, "known")
    with pytest.raises(UserError, match="was settled at 2013-01-01T00:00:00Z: dismissed: known"):
        guarded.dismiss(kept.id, "again")


def test_a_few_rows_are_kept_out(guarded: Datasets, feed: Feed, database: Database) -> None:
    """One row of 24 goes to quarantine, the others get in, and nothing is blocked."""
    day = (
        feed(1)
        .polars()
        .with_columns(distance=pl.when(pl.int_range(pl.len()) == 5).then(9999.0).otherwise(pl.col("distance")))
    )

    version = guarded.append("flights", day, source="day-1").version

    (kept,) = guarded.quarantined("flights")
    assert (23, 2, False, 1) == (version.rows_added, kept.version, kept.is_block, kept.rows)
    assert [9999.0] == guarded.quarantined_rows(kept.id).polars()["distance"].to_list()
    assert [] == guarded.blocks(["flights"])
    assert "rows-quarantined" in kinds(database)


def test_quarantined_rows_do_not_hide_a_repetition(guarded: Datasets, feed: Feed) -> None:
    """A repeated append is known by the rows that were sent, not by those that got in."""
    day = (
        feed(1)
        .polars()
        .with_columns(distance=pl.when(pl.int_range(pl.len()) == 5).then(9999.0).otherwise(pl.col("distance")))
    )
    guarded.append("flights", day, source="day-1")

    assert not guarded.append("flights", day, source="day-1").is_new
    assert 1 == len(guarded.quarantined("flights"))


def test_a_contract_for_one_append_goes_before_the_datasets(guarded: Datasets, feed: Feed) -> None:
    """A caller may hold rows to another contract than the one that is set."""
    lenient = Contract(name="lenient", expectations=())

    appended = guarded.append("flights", broken(feed(1)), contract=lenient)

    assert appended.report is not None
    assert ("lenient", 2) == (appended.report.contract, appended.version.number)


def test_whole_numbers_meet_a_contract_of_decimals(guarded: Datasets, feed: Feed) -> None:
    """A day that happens to hold whole numbers is not a broken feed."""
    day = feed(0).polars().with_columns(pl.col("distance").cast(pl.Int64))

    assert 2 == guarded.append("flights", day, source="day-1").version.number


def test_contracts_have_a_history(guarded: Datasets, database: Database) -> None:
    """The contract of any time can be found again; setting the same one twice changes nothing."""
    stricter = Contract(name="flights", expectations=CONTRACT.expectations, tolerance=0.01)

    for contract in (CONTRACT, stricter, stricter):
        guarded.set_contract("flights", contract, actor="ana")

    assert (stricter, 2) == (guarded.contract("flights"), len(guarded.contract_history("flights")))
    assert 2 == kinds(database).count("contract-set")


def test_nothing_is_in_quarantine_by_another_id(guarded: Datasets) -> None:
    """The message names the id."""
    with pytest.raises(NotFound, match="'rows-none'"):
        guarded.quarantined_rows("rows-none")


def test_files_are_added_by_suffix(guarded: Datasets, feed: Feed, tmp_path: Path) -> None:
    """The same rows from any kind of file meet the same contract and make the same table."""
    day = feed(1).polars()
    writers: dict[str, Callable[[Path], object]] = {
        "day.csv": day.write_csv,
        "day.parquet": day.write_parquet,
        "day.arrow": day.write_ipc,
    }
    for name, write in writers.items():
        write(tmp_path / name)

    versions = [guarded.import_file("flights", tmp_path / name, replace=True).version for name in writers]

    assert {feed(1).digest} == {version.id for version in versions}
    assert [(tmp_path / name).as_posix() for name in writers] == [version.source for version in versions]
