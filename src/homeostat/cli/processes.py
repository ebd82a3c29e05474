"""The long-running processes, each alone: `server`, `gateway`, `controller`. `up` starts all of them, supervised."""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import click

from homeostat.cli.options import project_option
from homeostat.core.errors import UserError
from homeostat.loop.lease import next_wake
from homeostat.loop.queries import declarations
from homeostat.supervisor import PARENT_VARIABLE
from homeostat.workspace import CONFIG_FILE, Workspace

DATABASE_EVERY_S = 0.1  # what a person asks, or another controller left, waits at most so long
CLOCK_EVERY_S = 0.001  # a replay waits for every look, and reading its clock costs a microsecond
_PARENT_EVERY_S = 0.2


workspace_option = click.option(
    "--workspace",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Any directory: what clients log lies in its .homeostat/. It needs no homeostat.toml, and is made if need be.",
)


@click.command()
@project_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8700, show_default=True)
@workspace_option
def server(project: Path | None, host: str, port: int, folder: Path | None) -> None:
    """Serve pages, API and MLflow clients on http://HOST:PORT until interrupted."""
    from homeostat.server.serve import run_server
    from homeostat.ui.ports import Reader

    _follow_parent()
    with opened(project, folder) as workspace:

        def reader() -> Reader:
            from homeostat.ui.reading import Reading

            return Reading(workspace)

        run_server(workspace, reader, host, port)


def opened(project: Path | None, folder: Path | None) -> Workspace:
    """The project, or the directory that `workspace_option` names. Raises: UserError if both are given. NoWorkspace."""
    if folder is None:
        return Workspace.find(project)
    if project is not None:
        raise UserError(f"--project {project} and --workspace {folder} both say where. Give one of them.")
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CONFIG_FILE).is_file():
        return Workspace.open(folder)
    return Workspace.undeclared(folder.resolve())


@click.command()
@project_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8701, show_default=True, help="0 takes a free one.")
def gateway(project: Path | None, host: str, port: int) -> None:
    """Answer predictions for every deployed system until interrupted."""
    from homeostat.serve.gateway import run_gateway
    from homeostat.server.serve import check_loopback

    check_loopback(host)
    _log_to_stderr()
    _follow_parent()
    with Workspace.find(project) as workspace:
        run_gateway(
            workspace.database,
            workspace.objects,
            workspace.clock,
            home=workspace.home,
            host=host,
            port=port,
        )


@click.command()
@project_option
def controller(project: Path | None) -> None:
    """Keep the project's systems at their setpoints until interrupted."""
    _log_to_stderr()
    _follow_parent()
    stop = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    with Workspace.find(project) as workspace:
        workspace.runs.recover()  # runs of processes that died are closed, and what they had spooled is kept
        loop = workspace.controller()
        loop.declare()
        with workspace.database.read() as connection:
            names = ", ".join(declared.name for declared in declarations(connection)) or "no system"
        logging.getLogger(__name__).info("Looking after %s", names)
        is_replay = workspace.config.store.clock == "watermark"
        while not stop.is_set():
            if not loop.look():
                _rest(workspace, stop, CLOCK_EVERY_S if is_replay else DATABASE_EVERY_S)


def _rest(workspace: Workspace, stop: threading.Event, clock_every_s: float) -> None:
    """Wait until a system is due by the clock; at the latest until it is time to ask the database again."""
    with workspace.database.read() as connection:
        due = next_wake(connection)
    again = time.monotonic() + DATABASE_EVERY_S
    while time.monotonic() < again and not stop.wait(clock_every_s):
        if due is not None and workspace.clock.now() >= due:
            return


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def _follow_parent() -> None:
    """End when the supervisor that started this process is gone: nobody would restart or stop it any more."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(_PARENT_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
