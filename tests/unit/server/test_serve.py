"""What a server loads, and when."""

import json
import subprocess
import sys

import pytest

from homeostat.server.serve import Pages
from homeostat.ui.ports import Reader
from unit.ui.sample_reader import SampleReader

_LOADED = """
import json, sys
import homeostat.cli.processes, homeostat.mlflow.routes, homeostat.server.serve
print(json.dumps(sorted({"polars", "pyarrow", "pandas", "sklearn", "scipy", "alembic", "psutil"} & set(sys.modules))))
"""


def test_a_server_for_clients_loads_no_tables() -> None:
    """Libraries of tables and models take more memory than the rest of the server: only pages and steps load them."""
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)

    assert [] == json.loads(done.stdout)


def test_the_reader_of_pages_is_made_once_when_a_page_is_asked_for() -> None:
    """Nothing is made for a server that shows no pages, and one reader serves all of them."""
    made: list[Reader] = []

    def make() -> Reader:
        made.append(SampleReader())
        return made[-1]

    pages = Pages(make)
    assert [] == made

    pages.overview()
    pages.models(system="", before=None)

    assert 1 == len(made)


def test_a_reader_that_cannot_be_made_says_so_each_time() -> None:
    """A page that fails because the rooms do not load fails with that error, and the next one tries again."""

    def make() -> Reader:
        raise ImportError("no room")

    pages = Pages(make)
    for _ in range(2):
        with pytest.raises(ImportError, match="no room"):
            pages.overview()
