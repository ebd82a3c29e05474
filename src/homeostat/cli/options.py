"""Options and output that commands share."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

project_option = click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Project directory; default: the one that holds the current directory.",
)
_PIPE = 10_000  # columns: room for any row, so that grep finds it whole
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


def emit(value: Any, *, as_json: bool, text: Callable[[], None]) -> None:
    """Print `value` as JSON, or call `text` to print it for people."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(value)))
    else:
        text()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """A table; columns that begin with `>` are aligned right.

    On a terminal the first column, which names the row, is never cut and the others wrap. In a pipe nothing is.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            no_wrap=index == 0,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE)
    console.print(table)
