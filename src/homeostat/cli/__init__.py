"""The command line. Each command is a file of its own, imported when it runs, so that `--help` stays fast."""

import sys

from homeostat.cli.app import app


def main() -> None:
    """Entry point of the `homeostat` command."""
    sys.exit(app())
