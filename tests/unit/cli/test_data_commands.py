import re
from pathlib import Path

import polars as pl
import pytest

from command_line import Call, frame
from homeostat.workspace import Workspace


def written(rows: pl.DataFrame, name: str = "more.csv") -> Path:
    rows.write_csv(name)
    return Path(name)


def cells(out: str) -> list[list[str]]:
    """Rows of a report's table, in a pipe."""
    lines = [line for line in out.splitlines() if "  " in line][1:]
    return [re.split(r"  +", line.strip()) for line in lines]


def blocked(call: Call) -> str:
    """Id of an append that the contract refused."""
    call("data", "append", "rows", written(frame().drop("carrier")))
    found: str = call("data", "quarantine", "rows", "--json").json["quarantine"][0]["id"]
    return found


def test_append_adds_a_version(call: Call, project: Path) -> None:
    """An append prints the version it made."""
    answer = call("data", "append", "rows", written(frame()), "--json")

    assert (0, "rows", 2, 400) == (answer.code, *(answer.json[name] for name in ("dataset", "version", "rows")))


def test_validate_accepts_what_fits(call: Call, project: Path) -> None:
    """Rows that hold to the contract exit with 0, and are not added."""
    answer = call("validate", "rows", written(frame()))

    assert 0 == answer.code
    assert "200 accepted, 0 quarantined" in answer.out
    assert 1 == len(call("data", "log", "rows", "--json").json["versions"])


def test_validate_refuses_what_an_append_would(call: Call, project: Path) -> None:
    """Rows that would be blocked exit as the append would, and nothing is put in quarantine."""
    answer = call("validate", "rows", written(frame().drop("carrier")))

    assert 8 == answer.code
    assert ["blocked", "column", "carrier", "no such column", "string"] == cells(answer.out)[0][:5]
    assert [] == call("data", "quarantine", "rows", "--json").json["quarantine"]


def test_dismiss_settles_a_block(call: Call, project: Path) -> None:
    """A dismissed block stops nothing any more, and the reason is kept."""
    block = blocked(call)

    answer = call("data", "dismiss", block, "--why", "the feed was being moved")

    assert (0, "") == (answer.code, answer.err)
    assert "its 200 rows stay out of 'rows'" in answer.out
    with Workspace.find() as workspace:
        assert [] == workspace.datasets.blocks(["rows"])
        [settled] = workspace.datasets.quarantined("rows")
    assert "dismissed: the feed was being moved" == settled.resolution
    assert settled.resolved_by


def test_dismiss_needs_a_reason(call: Call, project: Path) -> None:
    """Without a reason nothing is dismissed."""
    block = blocked(call)

    without, empty = call("data", "dismiss", block), call("data", "dismiss", block, "--why", " ")

    assert [2, 2] == [without.code, empty.code]
    assert f"Say why {block} can be dismissed" in empty.err
    assert call("data", "quarantine", "rows", "--json").json["quarantine"][0]["resolved_at"] is None


def test_dismiss_of_no_block_is_not_found(call: Call, project: Path) -> None:
    """An id that names nothing is said so."""
    answer = call("data", "dismiss", "block-nothing", "--why", "because")

    assert 3 == answer.code
    assert "'block-nothing'" in answer.err


def test_ids_are_never_cut(call: Call, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The id that `dismiss` takes can be read off the table, however narrow the terminal."""
    block = blocked(call)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")

    assert block in call("data", "quarantine", "rows").out


def test_pipes_get_whole_rows(call: Call, project: Path) -> None:
    """In a pipe each row of a table is one line, with nothing cut."""
    block = blocked(call)

    [line] = [line for line in call("data", "quarantine", "rows").out.splitlines() if block in line]

    assert "column of 'carrier': observed no such column, expected string" in line


@pytest.mark.parametrize("command", ["log", "contract", "quarantine", "verify"])
def test_unknown_dataset_is_not_found(call: Call, project: Path, command: str) -> None:
    """Every command that reads a dataset names the ones there are."""
    answer = call("data", command, "nothing")

    assert (3, "") == (answer.code, answer.out)
    assert "No dataset is named 'nothing'. There are: rows." in answer.err


def test_file_that_is_not_there(call: Call, project: Path) -> None:
    """A wrong path is named with the directory it was looked for in."""
    answer = call("data", "append", "rows", "nowhere.csv")

    assert 3 == answer.code
    assert f"There is no file nowhere.csv (seen from {project})" in answer.err


def test_contract_goes_round(call: Call, project: Path) -> None:
    """A contract that is printed, reviewed and set again is the same."""
    printed = call("data", "contract", "rows").out
    Path("reviewed.json").write_text(printed)

    answer = call("data", "contract", "rows", "--set", "reviewed.json")

    assert (0, printed) == (answer.code, answer.out)


def test_versions_are_addressed_by_tag(call: Call, project: Path) -> None:
    """Each command that takes a version takes its tag."""
    call("data", "append", "rows", written(frame()))

    tagged = call("data", "tag", "rows", "gold", "1")

    assert (0, "rows@gold is rows@1") == (tagged.code, tagged.out.partition(",")[0])
    assert 1 == call("data", "show", "rows@gold", "--json").json["version"]["number"]
    assert ["gold"] == call("data", "show", "rows@1", "--json").json["tags"]
    assert 1 == call("data", "verify", "rows", "--version", "gold", "--json").json["version"]
    assert 1 == call("data", "checkout", "rows@gold", "--to", "gold.parquet", "--json").json["version"]
    assert 1 == call("data", "diff", "rows", "gold", "2", "--json").json["before"]


def test_show_describes_a_version(call: Call, project: Path) -> None:
    """Its columns with their types are listed."""
    answer = call("data", "show", "rows")

    assert 0 == answer.code
    assert "rows@1" in answer.out
    assert "carrier" in answer.out


def test_diff_counts_rows(call: Call, project: Path) -> None:
    """What was appended is what was added, and only that was read."""
    call("data", "append", "rows", written(frame()))

    answer = call("data", "diff", "rows", "1", "2", "--json")

    assert (200, 0, 0, 200) == tuple(answer.json[f"rows_{what}"] for what in ("added", "removed", "changed", "read"))


def test_diff_names_columns(call: Call, project: Path) -> None:
    """Text says what came and went."""
    with Workspace.find() as workspace:
        workspace.datasets.replace("other", {"id": [1, 2], "old": [0, 0]})
        workspace.datasets.replace("other", {"id": [2, 3], "new": [0, 0]})

    answer = call("data", "diff", "other", "1", "2", "--key", "id")

    assert "1 rows added, 1 removed, 0 changed (by id" in answer.out
    assert "column 'old': int64 -> absent" in answer.out


def test_files_go_in_and_out(call: Call, project: Path) -> None:
    """A directory is added, found unchanged the second time, and written out again."""
    Path("photos").mkdir()
    Path("photos/a.png").write_bytes(b"a" * 10)

    added = call("data", "add", "photos", "photos", "--json").json

    assert ("photos", 1, 1, 10) == tuple(added[name] for name in ("dataset", "version", "rows", "bytes_added"))
    assert "photos@1 is what photos holds: nothing to add." in call("data", "add", "photos", "photos").out
    assert "1 files are in out" in call("data", "checkout", "photos", "--to", "out").out
    assert b"a" * 10 == Path("out/a.png").read_bytes()
    assert 0 == call("data", "verify", "photos").code
    assert "file" in call("data", "show", "photos").out


def test_a_diff_is_written_for_review(call: Call, project: Path) -> None:
    """Every row that differs is in the file, with what became of it."""
    call("data", "append", "rows", written(frame().head(3)))

    answer = call("data", "diff", "rows", "1", "2", "--to", "review.csv", "--json")

    assert (0, 3) == (answer.code, answer.json["rows_added"])
    assert ["added"] * 3 == pl.read_csv("review.csv")["op"].to_list()


def test_a_diff_of_files_names_paths(call: Call, project: Path) -> None:
    """Versions of files differ by paths."""
    folder = project / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name)
        call("data", "add", "photos", "photos")

    answer = call("data", "diff", "photos", "1", "2")

    assert answer.out.splitlines() == ["photos 1 -> 2: 1 files added, 0 removed, 0 changed", "  + b"]
    assert ["b"] == call("data", "diff", "photos", "1", "2", "--json").json["files_added"]


def test_sql_prints_a_table(call: Call, project: Path) -> None:
    """For people, as JSON, and into a file."""
    statement = 'SELECT count(*) AS n, sqrt(min(distance) - 1000000) AS nothing FROM "rows@1"'

    assert "200" in call("data", "sql", statement).out
    assert [{"n": 200, "nothing": None}] == call("data", "sql", statement, "--json").json["rows"]
    assert {"rows": 1, "path": "n.csv"} == call("data", "sql", statement, "--to", "n.csv", "--json").json
    assert [(200,)] == pl.read_csv("n.csv").select("n").rows()


def test_sql_only_reads(call: Call, project: Path) -> None:
    """What is no query exits as what the policy forbids."""
    answer = call("data", "sql", "DROP TABLE rows")

    assert (7, "") == (answer.code, answer.out)
    assert "Begin with SELECT" in answer.err


def test_a_branch_is_begun_added_to_and_merged(call: Call, project: Path) -> None:
    """The main line has the rows when they are merged, and not before."""
    call("data", "branch", "rows", "fix", "--at", "1")
    appended = call("data", "append", "rows", written(frame().head(5)), "--branch", "fix", "--json")
    assert (0, 2) == (appended.code, appended.json["version"])
    assert ["main", "fix"] == list(call("data", "branch", "rows", "--json").json["branches"])
    assert 200 == call("data", "show", "rows", "--json").json["version"]["rows"]

    merged = call("data", "merge", "rows", "fix", "--json")

    assert ("forward", 205) == (merged.json["how"], merged.json["rows"])
    assert 205 == call("data", "show", "rows", "--json").json["version"]["rows"]
    assert "'fix' is no more" in call("data", "branch", "rows", "fix", "--delete").out


def test_a_merge_that_conflicts_says_where_the_rows_are(call: Call, project: Path) -> None:
    """It exits as wrong input, and nothing is changed."""
    call("data", "branch", "rows", "fix")
    call("data", "append", "rows", written(frame().head(5)), "--branch", "fix")
    call("data", "append", "rows", written(frame().head(5)))

    answer = call("data", "merge", "rows", "fix")

    assert 2 == answer.code
    assert "conflicts/rows-3-2.parquet" in answer.err
    assert 205 == call("data", "show", "rows", "--json").json["version"]["rows"]
