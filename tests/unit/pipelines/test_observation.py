"""What a step reads beside its arguments: noted, checked before a result is taken again, refused where it is strict."""

import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from homeostat.core.errors import InvalidDeclaration, NotAllowed, StepFailed

HEAD = (
    "import os, threading\nfrom pathlib import Path\nimport numpy as np\nimport polars as pl\nimport homeostat as hs\n"
)


def step(body: str, declaration: str = "hs.step", takes: str = "", given: str = "") -> str:
    """A project of one step `read` with this body."""
    lines = body.replace("\n", "\n    ")
    return (
        f"{HEAD}ROOT = Path(__file__).parent\n@{declaration}\ndef read({takes}) -> str:\n    {lines}\n"
        f"@hs.pipeline\ndef chain(): return read({given})\n"
    )


class Reader:
    """Runs a pipeline of one step again and again."""

    def __init__(self, workspace: Any, project: Any, source: str) -> None:
        self.workspace = workspace
        self.root: Path = project.root
        project.write({"main": source})
        self._chain = project.load().chain

    def run(self) -> Any:
        """The step's action."""
        (action,) = self.workspace.pipelines.run(self._chain, {}).actions
        return action

    def status(self) -> str:
        return str(self.run().status)


FILES = {
    "open": "with open(ROOT / 'data.csv') as file: return file.read()",
    "relative to the working folder": "with open('data.csv') as file: return file.read()",
    "pathlib": "return (ROOT / 'data.csv').read_text()",
    "numpy": "return str(np.loadtxt(ROOT / 'data.csv', skiprows=1))",
    "polars": "return str(pl.read_csv(ROOT / 'data.csv').rows())",
    "lazy polars": "return str(pl.scan_csv(str(ROOT / 'data.csv')).collect().rows())",
    "polars by pattern": "return str(pl.read_csv(str(ROOT / 'd*.csv')).rows())",
    "pyarrow": "import pyarrow.csv\nreturn str(pyarrow.csv.read_csv(str(ROOT / 'data.csv')).to_pylist())",
    "a thread of its own": (
        "got = []\nthread = threading.Thread(target=lambda: got.append((ROOT / 'data.csv').read_text()))\n"
        "thread.start()\nthread.join()\nreturn got[0]"
    ),
}


@pytest.mark.parametrize("way", FILES)
def test_changed_file_runs_the_step_again(
    way: str, workspace: Any, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was opened by its path counts by its content, however it was opened."""
    monkeypatch.chdir(project.root)
    data = project.root / "data.csv"
    data.write_text("x\n1\n")
    reader = Reader(workspace, project, step(FILES[way]))
    seen = [reader.status(), reader.status()]
    data.write_text("x\n2\n")
    seen += [reader.status(), reader.status()]
    data.write_text("x\n1\n")

    assert ["ran", "cached", "ran", "cached", "cached"] == [*seen, reader.status()]


def test_why_names_the_file(workspace: Any, project: Any) -> None:
    """The sentence tells which file changed."""
    (project.root / "config.yaml").write_text("a: 1")
    reader = Reader(workspace, project, step("return (ROOT / 'config.yaml').read_text()"))
    reader.run()
    (project.root / "config.yaml").write_text("a: 2")
    reader.run()

    assert workspace.pipelines.why("read").sentence.startswith("read ran because of file config.yaml (")


def test_file_that_appears_counts(workspace: Any, project: Any) -> None:
    """To look for a file in vain depends on it too."""
    reader = Reader(
        workspace, project, step("try: return (ROOT / 'a.sql').read_text()\nexcept FileNotFoundError: return ''")
    )
    seen = [reader.status(), reader.status()]
    (project.root / "a.sql").write_text("select 1")

    assert ["ran", "cached", "ran"] == [*seen, reader.status()]


def test_file_added_to_a_listed_folder_counts(workspace: Any, project: Any) -> None:
    """A pattern over a folder sees new files."""
    (project.root / "parts").mkdir()
    reader = Reader(workspace, project, step("return str(sorted((ROOT / 'parts').glob('*.csv')))"))
    seen = [reader.status(), reader.status()]
    (project.root / "parts" / "a.csv").write_text("x")

    assert ["ran", "cached", "ran"] == [*seen, reader.status()]


def test_touched_file_is_no_other_file(workspace: Any, project: Any) -> None:
    """Content counts, not times."""
    data = project.root / "data.csv"
    data.write_text("x")
    reader = Reader(workspace, project, step("return (ROOT / 'data.csv').read_text()"))
    reader.run()
    data.touch()

    assert "cached" == reader.status()


def test_file_the_step_wrote_itself_is_no_input(workspace: Any, project: Any) -> None:
    """What a step leaves and reads back is its own, temporary files too."""
    body = (
        "import tempfile\n(ROOT / 'out.txt').write_text('1')\n"
        "with tempfile.TemporaryDirectory() as folder:\n    (Path(folder) / 'a').write_text('2')\n"
        "    return (ROOT / 'out.txt').read_text() + (Path(folder) / 'a').read_text()"
    )
    reader = Reader(workspace, project, step(body))

    assert {} == reader.run().observed.files


def test_file_changed_while_it_is_read_is_never_a_hit(workspace: Any, project: Any) -> None:
    """No digest can stand for a file that the step itself changes after reading it."""
    (project.root / "count").write_text("1")
    body = "n = (ROOT / 'count').read_text()\n(ROOT / 'count').write_text(n + '1')\nreturn n"
    reader = Reader(workspace, project, step(body))

    assert ["ran", "ran"] == [reader.status(), reader.status()]


VARIABLES = {
    "getenv": "return os.getenv('CITY', '')",
    "get": "return os.environ.get('CITY', '')",
    "item": "return os.environ['CITY'] if 'CITY' in os.environ else ''",
}


@pytest.mark.parametrize("way", VARIABLES)
def test_changed_variable_runs_the_step_again(
    way: str, workspace: Any, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable counts though it was not declared, set or not; only its digest is kept."""
    monkeypatch.delenv("CITY", raising=False)
    reader = Reader(workspace, project, step(VARIABLES[way]))
    seen = [reader.status(), reader.status()]
    monkeypatch.setenv("CITY", "JFK")
    action = reader.run()

    assert ["ran", "cached", "ran"] == [*seen, action.status]
    assert {"CITY"} == action.observed.variables.keys()
    assert "JFK" not in action.observed.variables.values()
    assert "variable CITY (absent → " in workspace.pipelines.why("read").sentence


def test_copied_environment_is_no_read_of_each_variable(workspace: Any, project: Any) -> None:
    """The environment of a child process is not an input, nor is what the step set itself."""
    body = "os.environ['OWN_VALUE'] = '1'\ncopies = os.environ.copy(), dict(os.environ), {**os.environ}\nreturn os.environ['OWN_VALUE']"
    try:
        observed = Reader(workspace, project, step(body)).run().observed
    finally:
        __import__("os").environ.pop("OWN_VALUE", None)

    assert {} == observed.variables


PROGRAMS = {
    "words": "subprocess.check_output(['cat', 'data.csv'], cwd=ROOT, text=True)",
    "a line for the shell": "subprocess.check_output(f'cat {ROOT}/data.csv', shell=True, text=True)",
    "an option": "subprocess.check_output([ROOT / 'tool', f'--file={ROOT}/data.csv'], text=True)",
    "its own file": "subprocess.check_output([ROOT / 'tool'], text=True)",
    "os.system": "str(os.system(f'cat {ROOT}/data.csv'))",
}


@pytest.mark.parametrize("way", PROGRAMS)
def test_program_counts_with_its_file_and_the_files_it_is_given(way: str, workspace: Any, project: Any) -> None:
    """A program that is started cannot be watched, but what its command line names is read again."""
    reader = Reader(workspace, project, step(f"import subprocess\nreturn {PROGRAMS[way]}"))
    named = project.root / ("tool" if way == "its own file" else "data.csv")
    (project.root / "tool").write_text("#!/bin/sh\necho 1\n")
    (project.root / "tool").chmod(0o755)
    (project.root / "data.csv").write_text("1")
    statuses = [reader.status(), reader.status()]
    named.write_text("#!/bin/sh\necho 2\n")

    assert ["ran", "cached", "ran"] == [*statuses, reader.status()]


def test_command_that_cannot_be_split_is_for_its_caller(workspace: Any, project: Any) -> None:
    """Watching never fails what is watched."""
    reader = Reader(workspace, project, step("return str(os.system('echo \"'))"))

    assert "ran" == reader.status()


def test_socket_is_warned_of_and_kept(workspace: Any, project: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The action says what the step was connected to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        body = f"import socket\nsocket.create_connection(('127.0.0.1', {port})).close()\nreturn ''"
        with caplog.at_level(logging.WARNING):
            action = Reader(workspace, project, step(body)).run()

    assert (f"127.0.0.1:{port}",) == action.observed.sockets
    assert f"Step read connected to 127.0.0.1:{port}" in caplog.text


def test_what_is_read_between_steps_is_not_counted(workspace: Any, project: Any) -> None:
    """Only the running step's reads are its inputs."""
    call = "(open(ROOT / 'a.txt').close(), read())[1]"
    source = step("return ''").replace("return read()", f"return {call}")
    (project.root / "a.txt").write_text("a")
    project.write({"main": source})
    observed = workspace.pipelines.run(project.load().chain, {}).actions[0].observed

    assert ({}, {}, ()) == (observed.files, observed.variables, observed.sockets)


STRICT = {
    "the file data.csv": "return (ROOT / 'data.csv').read_text()",
    "the variable CITY .declare it: env=..CITY": "return os.getenv('CITY', '')",
}


@pytest.mark.parametrize("named", STRICT)
def test_strict_step_refuses_what_it_does_not_declare(named: str, workspace: Any, project: Any) -> None:
    """The message names what was read and what to do."""
    (project.root / "data.csv").write_text("x")
    reader = Reader(workspace, project, step(STRICT[named], "hs.step(strict=True)"))
    with pytest.raises(StepFailed, match=f"Step read is strict but reads what it does not declare: {named}") as failure:
        reader.run()

    assert isinstance(failure.value.__cause__, InvalidDeclaration)


def test_strict_step_may_read_what_it_declares(workspace: Any, project: Any) -> None:
    """Arguments and declared variables are no undeclared reads, nor is a module imported at run time."""
    project.write({"late": "X = 1\n"})
    body = "import late\nreturn os.getenv('CITY', '')"
    reader = Reader(workspace, project, step(body, "hs.step(strict=True, env=['CITY'])"))

    assert "ran" == reader.status()


CHANGES = {
    "an array": ("values: np.ndarray", "np.zeros(3)", "values[0] = 1"),
    "a dict": ("values: dict[str, int]", "{'a': 1}", "values.pop('a')"),
    "a list": ("values: list[int]", "[1]", "values.append(2)"),
    "an array in a dict": ("values: dict[str, np.ndarray]", "{'a': np.zeros(3)}", "values['a'][0] = 1"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_argument_changed_in_place_is_an_error(case: str, workspace: Any, project: Any) -> None:
    """In a plain call the caller would see the change, in a run not: so it is refused, naming step and argument."""
    takes, given, change = CHANGES[case]
    reader = Reader(workspace, project, step(f"{change}\nreturn ''", takes=takes, given=given))
    with pytest.raises(StepFailed, match="Step read changed its argument values in place") as failure:
        reader.run()

    assert isinstance(failure.value.__cause__, NotAllowed)
