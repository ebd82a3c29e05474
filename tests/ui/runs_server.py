"""Serves a real project with a list of runs on a free port, which it says first: `runs_server.py DIRECTORY`."""

import sys
from pathlib import Path

import uvloop

from homeostat.core.clock import MINUTE, Micros
from homeostat.core.ids import RunId
from homeostat.serve.listening import free_port
from homeostat.server.app import create_app
from homeostat.server.events import Pulse
from homeostat.server.serve import serve
from homeostat.track import points, recording
from homeostat.track.blocks import Points
from homeostat.track.records import Started
from homeostat.ui.reading import Reading
from homeostat.ui.writing import Writing
from homeostat.workspace import Workspace
from unit.ui.sample_systems import NOW

RUNS = 120
MODELS = ("cnn", "mlp", "it's <b>odd</b>")


def fill(workspace: Workspace) -> None:
    """Runs of two experiments, with metrics, params and tags; every tenth failed."""
    with workspace.database.write() as connection:
        for number in range(RUNS):
            run, at = RunId(f"run-{number:03}"), Micros(NOW + number * MINUTE)
            event = Started(
                id=run, at=at, name=f"trial-{number:03}", kind="run", system="", parent="run-000" if number in {1, 2} else "",
                surroundings={}, user="ann" if number % 2 else "bob", experiment="tuning" if number < 40 else "Default",
            )  # fmt: skip
            recording.start(connection, event)
            recording.put_params(connection, run, {"model": f'"{MODELS[number % 3]}"', "lr": str(number / 1000)})
            recording.put_tags(connection, run, {"team": "red" if number % 4 else "blue"})
            for key, value in (("val/loss", 1 - number / 200), ("auc", 0.5 + number / 300)):
                points.add(connection, run, key, Points.of([0], [at], [value]))
            recording.finish(connection, run, Micros(at + MINUTE), "failed" if number % 10 == 3 else "finished")


def say(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    with Workspace.undeclared(folder) as workspace:
        fill(workspace)
        pulse = Pulse(workspace.database)
        app = create_app(Reading(workspace), Writing(workspace), pulse)
        uvloop.run(serve(app, pulse, "127.0.0.1", free_port("127.0.0.1", 0, "server"), say))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
