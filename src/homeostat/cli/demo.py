"""`homeostat demo`: the flights example, from raw data to a champion that was replaced all year long."""

import importlib
import shutil
import sys
from pathlib import Path

import click

from homeostat.core.errors import AlreadyExists, NotFound

EXAMPLE = "flights"
_MARK = "late_flights/demo.py"  # what only a demo has


@click.command()
@click.option(
    "--weeks",
    default=46,
    show_default=True,
    type=click.IntRange(1, 46),
    help="Weeks to replay after the six of history.",
)
@click.option("--sabotage", is_flag=True, help="Also break a feed, and force a bad model past its gates.")
@click.option(
    "--into",
    default=Path("demo"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to make.",
)
def demo(weeks: int, sabotage: bool, into: Path) -> None:
    """Replay a year of real flights through the whole loop.

    Leaves a workspace in DIRECTORY, with summary.json and report.html; look around in it with `homeostat up`.
    """
    from rich.console import Console

    root = into.resolve()
    _clear(root)
    shutil.copytree(examples() / EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    sys.path.insert(0, str(root))
    example = importlib.import_module("late_flights.demo")
    console = Console()
    summary = example.run(root, weeks=weeks, sabotage=sabotage, console=console)
    example.show(summary, console)
    console.print(f"\nReport: {root / 'report.html'}\nLook around: [bold]homeostat up --project {into}[/]")


def examples() -> Path:
    """The examples: inside the installed package, or beside the sources."""
    package = Path(__file__).parents[1]
    for candidate in (package / "_examples", package.parents[1] / "examples"):
        if (candidate / EXAMPLE).is_dir():
            return candidate
    raise NotFound(
        f"The example {EXAMPLE!r} is not installed with {package}. Install Homeostat from its wheel or its sources."
    )


def _clear(root: Path) -> None:
    """Make room for a new demo where an old one is; touch nothing else.

    Raises: AlreadyExists if `root` holds something that is no demo.
    """
    if not root.exists() or not any(root.iterdir()):
        return
    if not (root / _MARK).is_file():
        raise AlreadyExists(
            f"{root} holds something that is not a demo; nothing was touched. Choose another place: homeostat demo --into DIR"
        )
    shutil.rmtree(root)
