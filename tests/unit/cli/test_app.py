import ast
import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest

from command_line import Call
from homeostat.cli.app import COMMANDS, exit_code, group
from homeostat.cli.data import COMMANDS as DATA_COMMANDS
from homeostat.cli.data.contracts import BLOCKED
from homeostat.core import errors

READING = [
    ["status"],
    ["decisions"],
    ["models"],
    ["data", "log"],
    ["data", "log", "rows"],
    ["data", "contract", "rows"],
    ["data", "quarantine", "rows"],
    ["data", "verify", "rows"],
    ["impact", "rows@1"],
]


def kinds(root: type[errors.HomeostatError]) -> list[type[errors.HomeostatError]]:
    return [root, *(kind for below in root.__subclasses__() for kind in kinds(below))]


@pytest.mark.parametrize("name", [*COMMANDS, *(f"data {name}" for name in DATA_COMMANDS)])
def test_every_command_has_help(call: Call, name: str) -> None:
    """Each name of a table is a command whose help can be shown."""
    answer = call(*name.split(), "--help")

    assert 0 == answer.code
    assert f"Usage: homeostat {name}" in answer.out


def test_every_module_of_commands_is_in_a_table() -> None:
    """No command is written and then forgotten."""
    folder = Path(inspect.getfile(exit_code)).parent
    found = {
        function.name.rstrip("_").replace("_", "-")
        for path in folder.rglob("*.py")
        for function in ast.parse(path.read_text()).body
        if isinstance(function, ast.FunctionDef)
        and function.name != "group"
        and any(ast.unparse(one).startswith(("click.command", "click.group(")) for one in function.decorator_list)
    }

    assert {*COMMANDS, *DATA_COMMANDS} == found


def test_help_lists_every_command(call: Call) -> None:
    """`homeostat --help` shows the whole table, in its order."""
    shown = [line.split()[0] for line in call("--help").out.split("Commands:\n")[1].splitlines()]

    assert list(COMMANDS) == [word for word in shown if word in COMMANDS]


def test_help_imports_no_room() -> None:
    """`homeostat --help` stays fast: none of the heavy libraries is imported for it."""
    code = (
        "import sys; from homeostat.cli.app import app; app(['--help']); "
        "print(sorted({'numpy', 'polars', 'pyarrow', 'sqlalchemy', 'sklearn'} & sys.modules.keys()))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "[]" == said.splitlines()[-1]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_reading_commands_print_one_json_object(call: Call, project: Path, arguments: list[str]) -> None:
    """With --json a reading command prints one JSON object and nothing else."""
    answer = call(*arguments, "--json")

    assert (0, "") == (answer.code, answer.err)
    assert isinstance(answer.json, dict)


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_reading_commands_speak_to_people(call: Call, project: Path, arguments: list[str]) -> None:
    """Without --json the same commands print text."""
    answer = call(*arguments)

    assert (0, "") == (answer.code, answer.err)
    assert answer.out.strip()


def test_error_goes_to_stderr(call: Call, project: Path) -> None:
    """For people an error is a message with its code on stderr; stdout stays clean for pipes."""
    answer = call("data", "log", "nothing")

    assert (3, "") == (answer.code, answer.out)
    assert answer.err.startswith("Error (not-found): No dataset is named 'nothing'.")


def test_error_is_one_json_object(call: Call, project: Path) -> None:
    """With --json an error is one JSON object on stdout."""
    answer = call("data", "log", "nothing", "--json")

    assert (3, "") == (answer.code, answer.err)
    assert "not-found" == answer.json["error"]["code"]
    assert "There are: rows." in answer.json["error"]["message"]


def test_wrong_usage_is_one_json_object_too(call: Call) -> None:
    """A script that passes --json never has to parse text, even when it misspells an option."""
    answer = call("status", "--jsn", "--json")

    assert (2, "") == (answer.code, answer.err)
    assert "usage" == answer.json["error"]["code"]
    assert "--jsn" in answer.json["error"]["message"]


def test_wrong_usage_shows_how_it_is_meant(call: Call) -> None:
    """Without --json a misspelled command shows where to look."""
    answer = call("statsu")

    assert (2, "") == (answer.code, answer.out)
    assert "No such command 'statsu'" in answer.err
    assert "homeostat --help" in answer.err


@pytest.mark.parametrize("kind", kinds(errors.HomeostatError)[1:], ids=lambda kind: kind.__name__)
def test_every_error_has_a_documented_exit_code(kind: type[errors.HomeostatError]) -> None:
    """Only a bug in Homeostat exits with 1; the exit code of each error is in the documentation."""
    code = exit_code(kind("what happened"))

    assert 1 != code
    assert f"{code} " in str(sys.modules[exit_code.__module__].__doc__)


def test_exit_codes_are_stable() -> None:
    """Scripts depend on these numbers: they never change."""
    kept = {
        errors.InvalidName: 2,
        errors.MissingColumn: 2,
        errors.WrongType: 2,
        errors.AlreadyExists: 2,
        errors.PortInUse: 2,
        errors.NotFound: 3,
        errors.NoWorkspace: 3,
        errors.NewerWorkspace: 4,
        errors.CorruptObject: 4,
        errors.Fenced: 4,
        errors.DiskFull: 5,
        errors.Unavailable: 5,
        errors.Overloaded: 5,
        errors.StepFailed: 6,
        errors.GateBlocked: 7,
        errors.ApprovalNeeded: 7,
        errors.ContractViolated: 8,
    }

    assert kept == {kind: exit_code(kind("what happened")) for kind in kept}
    assert BLOCKED == exit_code(errors.ContractViolated("what happened"))


def test_interruption_says_what_is_kept(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with 130, as shells expect, and a word on what is kept."""

    def interrupt(*_: object, **__: object) -> None:
        raise click.Abort

    monkeypatch.setattr(group, "main", interrupt)

    answer = call("status")

    assert 130 == answer.code
    assert "Everything acknowledged so far is kept." in answer.err


def test_outside_of_a_project_it_says_how_to_make_one(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a homeostat.toml the message says where was looked, and what to do."""
    monkeypatch.chdir(tmp_path)

    answer = call("status")

    assert 3 == answer.code
    assert f"There is no homeostat.toml in {tmp_path}" in answer.err
    assert "homeostat init my-project" in answer.err
