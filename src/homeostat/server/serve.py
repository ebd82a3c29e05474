"""Running the server until it is told to stop."""

import asyncio
import gc
import ipaddress
import logging
import signal
from collections.abc import Callable
from typing import Any, cast

import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from homeostat.api.tracking import tracking_routes
from homeostat.core.errors import NotAllowed
from homeostat.mlflow.call import rooms_of
from homeostat.mlflow.delivery import Postman
from homeostat.mlflow.routes import mlflow_routes
from homeostat.serve.listening import free_port
from homeostat.server.app import create_app
from homeostat.server.events import Pulse
from homeostat.server.security import LOOPBACK
from homeostat.ui.ports import Reader
from homeostat.ui.writing import Writing
from homeostat.workspace import Workspace

_log = logging.getLogger(__name__)


class Pages:
    """A reader that is made when the first page is asked for: the rooms it reads take more memory than all the rest."""

    def __init__(self, make: Callable[[], Reader]) -> None:
        self._make = make
        self._made: Reader | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)


def run_server(
    workspace: Workspace,
    reader: Callable[[], Reader],
    host: str = "127.0.0.1",
    port: int = 8700,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve pages, API and MLflow's protocol until SIGTERM or SIGINT, then return.

    Args:
        workspace: open; the caller closes it.
        reader: makes what reads the rooms for pages and API; called when one is asked for.
        host: a loopback address.
        port: 0 takes a free one.
        on_ready: called with the port when the server listens.
    Raises: NotAllowed if `host` is not loopback. PortInUse if the port is taken; nothing was started then.
    """
    check_loopback(host)
    bound = free_port(host, port, "server")
    pulse = Pulse(workspace.database)
    rooms = rooms_of(workspace)
    protocols = [*mlflow_routes(rooms), *tracking_routes(workspace.runs, workspace.objects)]
    app = create_app(cast("Reader", Pages(reader)), Writing(workspace), pulse, protocols)
    # What is there now stays: a collection that looks at it again takes longer than most answers.
    gc.collect()
    gc.freeze()
    postman = Postman(rooms)
    postman.start()
    try:
        uvloop.run(serve(app, pulse, host, bound, on_ready))
    finally:
        postman.stop()


def check_loopback(host: str) -> None:
    """Raises: NotAllowed if anybody but this machine could reach `host`."""
    if host in LOOPBACK:
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass  # a name: only localhost is known to be this machine
    raise NotAllowed(
        f"Homeostat does not listen on {host}: it has no authentication yet, and whoever reaches it could read all. "
        f"Listen on 127.0.0.1 and go there through a tunnel, such as ssh -L 8700:127.0.0.1:8700 this-machine."
    )


async def serve(app: Any, pulse: Pulse, host: str, port: int, on_ready: Callable[[int], None] | None) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT; the host and port were checked before."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server: Any = Server(  # ships no types
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_level=LogLevels.error,
        log_access=False,
    )
    serving = loop.create_task(server.serve())
    stopping = loop.create_task(stop.wait())
    _log.info("Pages at http://%s:%s/", host, port)
    if on_ready is not None:
        on_ready(port)
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    pulse.stop()
    if not serving.done():
        server.stop()
    stopping.cancel()
    await serving
