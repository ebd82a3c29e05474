"""`homeostat init`: a small working project, with its columns guessed from a table if there is one.

The project is a copy of `examples/starter` under the user's name. What differs from it lies in one file, `settings.py`.
"""

import importlib.util
import json
import keyword
import math
import re
import shutil
from pathlib import Path
from typing import Any

import click
import msgspec

from homeostat.core.errors import AlreadyExists, BadData, InvalidName, MissingColumn, UserError, WrongType
from homeostat.core.ids import check_name

EXAMPLE = "starter"
DATASET = "observations"  # the pipeline's parameter
_CONTRACT = f"contracts/{DATASET}.json"
_DAY_S = 86_400
_HISTORY_DAYS = 365  # the least a training looks back, unless the user says otherwise
_JUDGED = 0.2  # share of the newest rows a model is judged on
_LINE = 90  # longer tuples are written one item a line
_MANY = 20  # rows from which whole numbers that never repeat are taken for an identifier


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """What `settings.py` says of a table.

    Attributes:
        settings: value of each setting.
        left_out: columns that are no features, each with the reason.
    """

    settings: dict[str, Any]
    left_out: dict[str, str]


@click.command()
@click.argument("name")
@click.option(
    "--table", "path", type=click.Path(path_type=Path), help="CSV, Parquet, JSON Lines or Arrow to begin with."
)
@click.option("--label", help="Column to predict; it has two values.")
@click.option("--time", "time", default="", help="Column that says when a row happened.")
def init(name: str, path: Path | None, label: str | None, time: str) -> None:
    """Write a small working project into the new directory NAME: pipeline, system, contract, test.

    With --table and --label the table becomes its first dataset, and `homeostat run` trains at once.
    """
    root = Path.cwd() / name
    package = _package(name)
    if root.exists():
        raise AlreadyExists(f"{root} is there already; nothing was touched. Choose another name.")
    if (path is None) != (label is None):
        raise UserError(
            "A project with data needs both: the table, and the label that is to be predicted from its other columns. "
            f"Say homeostat init {name} --table PATH --label COLUMN, or leave out both."
        )
    if path is None or label is None:
        _begin(root, name, package, {})
        _say_placeholders(name, package)
        return
    from homeostat.data.files import read_file

    guess = guess_settings(read_file(path), label, time)
    _begin(root, name, package, guess.settings)
    try:
        _import(root, path)
    except BaseException:
        shutil.rmtree(root)  # it was not there before
        raise
    _say_guess(name, package, guess)


def guess_settings(table: Any, label: str, time: str) -> Guess:
    """Guess the settings of a table: numbers and categories are features, identifiers and free text are not.

    Raises: MissingColumn listing the columns. WrongType if `time` holds no timestamps. BadData if the label has not two
        values, or no feature is left.
    """
    from homeostat.data.contracts.check import NUMBERS
    from homeostat.data.contracts.contract import InDomain
    from homeostat.data.contracts.infer import infer

    missing = [column for column in (label, time) if column and column not in table.columns]
    if missing:
        raise MissingColumn(
            f"The table has no column {', '.join(map(repr, missing))}. Its columns are: {', '.join(table.columns)}."
        )
    frame = table.polars()
    positive = _positive(frame, label)
    domains = {one.column for one in infer(table, name=DATASET).expectations if isinstance(one, InDomain)}
    numbers: list[str] = []
    categories: list[str] = []
    left_out: dict[str, str] = {}
    for column, kind in table.types.items():
        if column in (label, time):
            continue
        if column in domains:
            categories.append(column)
        elif kind == "string":
            left_out[column] = "text with too many values"
        elif kind not in NUMBERS and kind != "bool":
            left_out[column] = kind
        elif "int" in kind and len(frame) >= _MANY and frame[column].n_unique() == len(frame):
            left_out[column] = "an identifier: no value comes twice"
        else:
            numbers.append(column)
    if not numbers and not categories:
        raise BadData(
            f"No column of the table can be a feature beside the label {label!r}: "
            f"{'; '.join(f'{column} ({why})' for column, why in left_out.items()) or 'there is no other'}. "
            f"Add columns with numbers or categories."
        )
    settings = {"LABEL": label, "POSITIVE": positive, "TIME": time}
    settings |= {"NUMBERS": tuple(numbers), "CATEGORIES": tuple(categories)}
    return Guess(settings=settings | (_spans(frame, time) if time else {}), left_out=left_out)


def _positive(frame: Any, label: str) -> Any:
    """The value that the model gives the probability of: true, 1, or the rarer one."""
    counts = frame[label].drop_nulls().value_counts(sort=True)
    values = counts[label].to_list()
    if len(values) != 2 or not isinstance(values[0], bool | int | float | str):
        shown = ", ".join(repr(value) for value in values[:5]) + (", ..." if len(values) > 5 else "")
        raise BadData(
            f"The label {label!r} has {len(values)} values ({shown}); a model gives the probability of one of two. "
            f"Make a column that says yes or no, such as whether it is above a limit, and name it as the label."
        )
    return max(values) if set(values) == {0, 1} else values[1]


def _spans(frame: Any, time: str) -> dict[str, str]:
    """How far back the table reaches from now, and how long its newest fifth is."""
    import polars as pl

    from homeostat.core.clock import WallClock

    if not isinstance(frame.schema[time], pl.Datetime):
        raise WrongType(
            f"Column {time!r} holds {str(frame.schema[time]).lower()}, not timestamps. Write it as 2013-04-12T06:00:00Z, or leave "
            f"out --time to split at random."
        )
    times = frame[time].dt.epoch("us").drop_nulls()
    oldest, newest = times.min(), times.max()
    if oldest is None or oldest == newest:
        raise BadData(f"Column {time!r} holds less than two different times. Leave out --time to split at random.")
    judged_s = max(1, (newest - int(times.quantile(1 - _JUDGED, "nearest"))) // 1_000_000)
    history = math.ceil((WallClock().now() - oldest) / 1_000_000 / _DAY_S)
    return {"HISTORY": f"{max(_HISTORY_DAYS, 2 * history)}d", "HOLDOUT": _duration(judged_s)}


def _duration(seconds: int) -> str:
    """In the largest unit that is exact to a few per cent."""
    for unit, length in (("d", _DAY_S), ("h", 3600), ("m", 60)):
        if seconds >= 5 * length:
            return f"{round(seconds / length)}{unit}"
    return f"{seconds}s"


def _package(name: str) -> str:
    """The importable name of the project's code.

    Raises: InvalidName if the project cannot be called so.
    """
    package = check_name("project", name).replace("-", "_").lower()
    if not package.isidentifier() or keyword.iskeyword(package):
        raise InvalidName(
            f"{name!r} cannot be the name of a project: its code is imported as {package!r}, so it needs letters, "
            f"digits, '_' or '-', and a letter first."
        )
    if package in ("tests", "contracts") or importlib.util.find_spec(package) is not None:
        raise InvalidName(
            f"{name!r} cannot be the name of a project: {package!r} is the name of something else that Python imports. "
            f"Choose another, such as {name}-model."
        )
    return package


def _begin(root: Path, name: str, package: str, settings: dict[str, Any]) -> None:
    """Copy the starter under the project's name and open its workspace once."""
    from homeostat.cli.demo import examples
    from homeostat.workspace import Config, Project, Workspace

    shutil.copytree(examples() / EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    (root / EXAMPLE).rename(root / package)
    for file in root.rglob("*.py"):
        file.write_text(re.sub(rf"\b{EXAMPLE}\b(?=[./ ])", package, file.read_text()))
    readme = root / "README.md"
    readme.write_text(readme.read_text().replace(f"{EXAMPLE}/", f"{package}/").replace(f"# {EXAMPLE}", f"# {name}"))
    path = root / package / "settings.py"
    path.write_text(_with(path.read_text(), {"SYSTEM": name, **settings}))
    (root / "contracts").mkdir()
    Workspace.create(root, Config(project=Project(name=name, systems=(f"{package}.system:system",)))).close()


def _with(source: str, settings: dict[str, Any]) -> str:
    for name, value in settings.items():
        line = re.search(rf"(?m)^{name}: .* = ", source)
        assert line is not None
        end = source.index("\n", line.end())
        source = f"{source[: line.end()]}{_spelled(value)}{source[end:]}"
    return source


def _spelled(value: Any) -> str:
    if isinstance(value, tuple):
        items = [f"{_spelled(item)}," for item in value]
        line = f"({' '.join(items)})"
        return line if len(line) <= _LINE else "\n    ".join(["(", *items]) + "\n)"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _import(root: Path, path: Path) -> None:
    """Make the table the first version of the dataset, and put the contract inferred from it in force."""
    from homeostat.data.contracts.contract import write_contract
    from homeostat.data.contracts.infer import infer
    from homeostat.workspace import Workspace

    with Workspace.open(root) as workspace:
        version = workspace.datasets.import_file(DATASET, path).version
        contract = infer(workspace.datasets.read(version), name=DATASET)
        workspace.datasets.set_contract(DATASET, contract)
    (root / _CONTRACT).write_bytes(write_contract(contract))


def _say_placeholders(name: str, package: str) -> None:
    click.echo(
        f"{click.style(name, bold=True)} is a project now. It needs your data:\n"
        f"  cd {name}\n"
        f"  homeostat data append {DATASET} PATH     CSV, Parquet, JSON Lines or Arrow\n"
        f"Name its columns in {package}/settings.py, then train: homeostat run"
    )


def _say_guess(name: str, package: str, guess: Guess) -> None:
    said = guess.settings
    roles = dict.fromkeys(said["NUMBERS"], "number") | dict.fromkeys(said["CATEGORIES"], "category")
    click.echo(
        f"{click.style(name, bold=True)} is a project now. It predicts {said['LABEL']} = {said['POSITIVE']!r} from "
        f"{len(roles)} column{'' if len(roles) == 1 else 's'}:"
    )
    for column, role in roles.items():
        click.echo(f"  {column}: {role}")
    for column, why in guess.left_out.items():
        click.echo(f"  {column}: left out, {why}")
    click.echo(
        f"Take out what is known only after the fact: {package}/settings.py. Review what new rows must hold to: "
        f"{_CONTRACT}.\nThen train:\n  cd {name}\n  homeostat run"
    )
