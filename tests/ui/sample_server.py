"""Serves the sample pages on a free port, which it says first: `sample_server.py DATABASE_URL`."""

import sys

import uvloop

from homeostat.serve.listening import free_port
from homeostat.server.app import create_app
from homeostat.server.events import Pulse
from homeostat.server.serve import serve
from homeostat.store.db import Database
from unit.ui.sample_reader import SampleReader, SampleWriter


def say(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def main(url: str) -> None:
    pulse = Pulse(Database(url))
    port = free_port("127.0.0.1", 0, "server")
    uvloop.run(serve(create_app(SampleReader(), SampleWriter(), pulse), pulse, "127.0.0.1", port, say))


if __name__ == "__main__":
    main(sys.argv[1])
