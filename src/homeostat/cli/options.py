"""Options and output that commands share."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

# What rich draws on a terminal, as commands use it.
_MARKUP = re.compile(r"\[(?:bold|dim|green|red|/)\]")

project_option = click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Project directory; default: the one that holds the current directory.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


def emit(value: Any, *, as_json: bool, text: Callable[[], None]) -> None:
    """Print `value` as JSON, or call `text` to print it for people."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(value)))
    else:
        text()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """A table; columns that begin with `>` are aligned right.

    On a terminal the first column, which names the row, is never cut and the others wrap. In a pipe a row is one line, whole, so that
    grep finds it.
    """
    if not sys.stdout.isatty():
        _print_plain(columns, rows, title)
        return
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
    Console().print(table)


def _print_plain(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str) -> None:
    """What draws on a terminal takes longer to load than a list of versions to read."""
    lines = [
        [column.removeprefix(">") for column in columns],
        *([_MARKUP.sub("", str(cell)) for cell in row] for row in rows),
    ]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    if title:
        click.echo(title)
    for line in lines:
        cells = [
            cell.rjust(width) if column.startswith(">") else cell.ljust(width)
            for column, cell, width in zip(columns, line, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())
