"""Serves real runs to compare on a free port, which it says first: `comparison_server.py FOLDER RUNS LENGTH`."""

import sys
from pathlib import Path

import uvloop

from homeostat.core.clock import parse_iso
from homeostat.serve.listening import free_port
from homeostat.server.app import create_app
from homeostat.server.events import Pulse
from homeostat.server.serve import serve
from homeostat.ui.reading import Reading
from homeostat.ui.writing import Writing
from homeostat.workspace import Config, Project, Workspace
from unit.ui.sample_runs import fill


def say(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def main(folder: str, count: str, length: str) -> None:
    with Workspace.create(Path(folder), Config(project=Project(name="digits"))) as workspace:
        fill(workspace, int(count), int(length), parse_iso("2013-03-01"))
        pulse = Pulse(workspace.database)
        port = free_port("127.0.0.1", 0, "server")
        uvloop.run(serve(create_app(Reading(workspace), Writing(workspace), pulse), pulse, "127.0.0.1", port, say))


if __name__ == "__main__":
    main(*sys.argv[1:])
