from pathlib import Path

import polars as pl
import pytest

from command_line import Call
from homeostat.cli.init import DATASET, guess_settings
from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, MissingColumn, WrongType
from homeostat.workspace import Workspace

START_US = 1_356_998_400_000_000  # 2013-01-01T00:00:00Z
HOUR_US = 3_600_000_000
ROWS = 240


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory with a table in it; it is the current directory."""
    monkeypatch.chdir(tmp_path)
    table().polars().write_parquet("table.parquet")
    return tmp_path


def table() -> Table:
    """Ten days of a feed with one column of each kind."""
    return Table.of(
        pl.DataFrame({"row": range(ROWS)}).select(
            number="row",
            at=(START_US + pl.col("row") * HOUR_US).cast(pl.Datetime("us", "UTC")),
            distance=100.0 + pl.col("row") % 7,
            stops=pl.col("row") % 3,
            is_direct=pl.col("row") % 2 == 0,
            carrier=pl.Series([("AA", "UA")[row % 2] for row in range(ROWS)]),
            remark=pl.Series([f"remark {row}" for row in range(ROWS)]),
            late=pl.Series([("yes" if row % 4 == 0 else "no") for row in range(ROWS)]),
        )
    )


def test_features_are_numbers_and_categories() -> None:
    """Identifiers, free text and times are no features, and it is said why; the label never is one."""
    guess = guess_settings(table(), "late", "")

    assert ("distance", "stops", "is_direct") == guess.settings["NUMBERS"]
    assert ("carrier",) == guess.settings["CATEGORIES"]
    assert {
        "number": "an identifier: no value comes twice",
        "at": "timestamp[us, UTC]",
        "remark": "text with too many values",
    } == guess.left_out


def test_newest_fifth_is_judged_on() -> None:
    """With a time the holdout is the newest fifth, and the history reaches back to the first row."""
    settings = guess_settings(table(), "late", "at").settings

    assert "48h" == settings["HOLDOUT"]
    assert int(settings["HISTORY"].removesuffix("d")) > 365 * 10


@pytest.mark.parametrize(
    ("values", "positive"), [([0, 1, 1], 1), ([True, False], True), (["a", "a", "b"], "b"), ([2.0, 1.0, 2.0], 1.0)]
)
def test_positive_is_one_or_the_rarer(values: list[object], positive: object) -> None:
    """The model gives the probability of 1, of true, or of the value that is rarer."""
    rows = Table.of(pl.DataFrame({"label": values * 10, "x": [0.5] * 10 * len(values)}))

    assert positive == guess_settings(rows, "label", "").settings["POSITIVE"]


@pytest.mark.parametrize("values", [[1, 1], [1, 2, 3], [None, None]])
def test_label_has_two_values(values: list[object]) -> None:
    """A label of one value, or of many, is refused with what it has."""
    rows = Table.of({"label": values, "x": [0.5] * len(values)})

    with pytest.raises(BadData, match=r"The label 'label' has \d values .* one of two"):
        guess_settings(rows, "label", "")


def test_label_that_is_missing_lists_the_columns() -> None:
    """A misspelled column is answered with those there are."""
    with pytest.raises(MissingColumn, match=r"no column 'lat'\. Its columns are: number, at, distance"):
        guess_settings(table(), "lat", "at")


def test_time_holds_timestamps() -> None:
    """A time that is none is refused with what it holds."""
    with pytest.raises(WrongType, match="Column 'carrier' holds string, not timestamps"):
        guess_settings(table(), "late", "carrier")


def test_table_without_features_is_refused() -> None:
    """A table of identifiers teaches nothing, and the message says so of each column."""
    with pytest.raises(BadData, match="number \\(an identifier: no value comes twice\\)"):
        guess_settings(Table.of(table().polars().select("number", "late")), "late", "")


def test_project_is_named_throughout(call: Call, home: Path) -> None:
    """Nothing in the new project speaks of the starter it was copied from."""
    answer = call("init", "night-trains")

    root = home / "night-trains"
    texts = [path.read_text() for path in root.rglob("*") if path.suffix in (".py", ".md", ".toml")]
    assert 0 == answer.code
    assert (root / "night_trains" / "pipeline.py").is_file()
    assert [] == [text for text in texts if "starter" in text]


def test_settings_are_code_that_says_the_same(call: Call, home: Path) -> None:
    """What was guessed can be read back from settings.py, whatever characters a column's name has."""
    frame = table().polars().rename({"distance": 'dis"tance\\', "carrier": "Fluggesellschaft ü"})
    frame.write_parquet("odd.parquet")

    call("init", "odd-names", "--table", "odd.parquet", "--label", "late")

    settings: dict[str, object] = {}
    exec((home / "odd-names" / "odd_names" / "settings.py").read_text(), settings)  # noqa: S102  # our own file
    assert ('dis"tance\\', "stops", "is_direct") == settings["NUMBERS"]
    assert ("Fluggesellschaft ü",) == settings["CATEGORIES"]
    assert ("odd-names", "late", "yes", "") == tuple(settings[name] for name in ("SYSTEM", "LABEL", "POSITIVE", "TIME"))


def test_table_becomes_a_dataset_with_a_contract(call: Call, home: Path) -> None:
    """The table's rows are the first version, and its contract is in force as it lies in the project."""
    call("init", "flights", "--table", "table.parquet", "--label", "late", "--time", "at")

    with Workspace.open(home / "flights") as workspace:
        version = workspace.datasets.version(DATASET)
        assert (1, ROWS, "table.parquet") == (version.number, version.rows, version.source)
        contract = workspace.datasets.contract(DATASET)
    assert contract is not None
    assert contract.name in (home / "flights" / "contracts" / f"{DATASET}.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("a/b",), 2, "'a/b' cannot be the name of a project"),
        (("9lives",), 2, "a letter first"),
        (("class",), 2, "'class' cannot be the name of a project"),
        (("numpy",), 2, "something else that Python imports. Choose another, such as numpy-model."),
        (("new", "--table", "nowhere.csv", "--label", "late"), 3, "There is no file nowhere.csv"),
        (("new", "--table", "table.parquet", "--label", "lat"), 2, "Its columns are: number, at"),
        (("new", "--table", "table.parquet"), 2, "homeostat init new --table PATH --label COLUMN"),
        (("new", "--label", "late"), 2, "homeostat init new --table PATH --label COLUMN"),
    ],
)
def test_wrong_input_leaves_nothing_behind(
    call: Call, home: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """What cannot become a project is refused before anything is written."""
    answer = call("init", *arguments)

    assert (code, "") == (answer.code, answer.out)
    assert said in answer.err
    assert ["table.parquet"] == [path.name for path in home.iterdir()]


def test_directory_that_exists_is_not_touched(call: Call, home: Path) -> None:
    """A name that is taken is refused, whatever lies there."""
    (home / "taken").mkdir()
    (home / "taken" / "mine.txt").write_text("mine")

    answer = call("init", "taken")

    assert 2 == answer.code
    assert f"{home / 'taken'} is there already; nothing was touched." in answer.err
    assert ["mine.txt"] == [path.name for path in (home / "taken").iterdir()]


def test_failing_import_leaves_nothing_behind(call: Call, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills while the table is imported leaves no half of a project."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    answer = call("init", "new", "--table", "table.parquet", "--label", "late")

    assert 5 == answer.code
    assert ["table.parquet"] == [path.name for path in home.iterdir()]
