"""`homeostat up`: everything that one machine needs, in one supervised process tree."""

import signal
import threading
from pathlib import Path

import click

from homeostat.cli.options import project_option
from homeostat.core.errors import PortInUse
from homeostat.supervisor import Supervisor
from homeostat.workspace import Workspace

_HOST = "127.0.0.1"


@click.command()
@project_option
@click.option("--port", default=8700, show_default=True, help="Of the pages and the API.")
@click.option("--gateway-port", default=8701, show_default=True, help="Of the predictions.")
@click.option("--open/--no-open", "is_opening", default=False, help="Open the pages in a browser.")
def up(project: Path | None, port: int, gateway_port: int, is_opening: bool) -> None:
    """Start server, gateway and controller; restart what dies; stop with Ctrl-C.

    A workspace whose time is a replay's shows what is there and goes on answering predictions; its clock stands still.
    """
    from homeostat.serve.listening import free_port

    for option, wanted in (("--port", port), ("--gateway-port", gateway_port)):
        try:
            free_port(_HOST, wanted, "up")
        except PortInUse as error:
            raise PortInUse(
                f"Port {wanted} of {_HOST} is taken, perhaps by another `homeostat up`. Nothing was started. Stop it, or "
                f"choose another one: homeostat up {option} {wanted + 1}"
            ) from error
    with Workspace.find(project) as workspace:
        root, logs = str(workspace.root), workspace.run_folder
        name = workspace.config.project.name
    commands = {
        "server": ["server", "--project", root, "--port", str(port)],
        "gateway": ["gateway", "--project", root, "--port", str(gateway_port)],
        "controller": ["controller", "--project", root],
    }
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Supervisor(commands, logs) as supervisor:
        url = f"http://{_HOST}:{port}"
        click.echo(
            f"{click.style(name, bold=True)} is up.\n  pages        {url}\n  predictions  http://{_HOST}:{gateway_port}\n  logs         {logs}\nStop with Ctrl-C."
        )
        if is_opening:
            click.launch(url)
        while not stop.wait(1.0):
            supervisor.check()
    click.echo("Stopped.")
