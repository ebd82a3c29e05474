"""A fresh database with every table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'store.db'}")
    metadata.create_all(opened.engine)
    yield opened
    opened.close()
