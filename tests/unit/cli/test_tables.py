"""How commands print tables."""

import pytest

from homeostat.cli.options import print_table


def test_a_row_in_a_pipe_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns stand below each other, numbers at the right, nothing is cut or drawn, and colours are left to terminals."""
    print_table(("name", ">rows", "state"), [("a" * 300, 7, "[green]● met[/]"), ("b", 1234, "x[0]")], title="All")

    assert [
        "All",
        f"{'name':300}  rows  state",
        f"{'a' * 300}     7  ● met",
        f"{'b':300}  1234  x[0]",
    ] == capsys.readouterr().out.splitlines()


def test_a_table_without_rows_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads the first line as names of columns finds them."""
    print_table(("name", ">rows"), [])

    assert "name  rows\n" == capsys.readouterr().out
