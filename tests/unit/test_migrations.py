import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from homeostat.core.errors import NewerWorkspace
from homeostat.store.db import Database
from homeostat.store.db import migrate as migrate_module
from homeostat.store.db.migrate import head, migrate, revision
from homeostat.store.db.schema.every import metadata


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "homeostat.db"


@pytest.fixture
def empty(file: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{file}")
    yield opened
    opened.close()


@pytest.fixture
def migrated(empty: Database) -> Database:
    migrate(empty)
    return empty


def dump(file: Path) -> list[str]:
    """Everything in the database, as SQL."""
    connection = sqlite3.connect(file)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate_module.__file__).with_name("migrations")))
    return ScriptDirectory.from_config(config)


def test_fresh_database_gets_every_table(migrated: Database) -> None:
    """After its first migration a database holds the tables of the code, and says its revision."""
    assert {*metadata.tables, "alembic_version"} == set(inspect(migrated.engine).get_table_names())
    assert head() == revision(migrated)


def test_empty_database_has_no_revision(empty: Database) -> None:
    """Nothing is at no revision."""
    assert revision(empty) is None


def test_migrations_make_what_the_code_declares(migrated: Database) -> None:
    """Tables, columns, types, indexes and constraints of the migrations are those of the code: no difference is left."""
    with migrated.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert [] == compare_metadata(context, metadata)


def test_head_is_alembics_head() -> None:
    """Reading the newest revision from file names finds what Alembic finds in the files, and there is one."""
    assert [head()] == scripts().get_heads()


def test_revisions_are_numbered_in_their_order() -> None:
    """Each revision follows the one numbered before it, so that the largest number is the newest."""
    ways = [(script.down_revision, script.revision) for script in reversed(list(scripts().walk_revisions()))]
    numbers = [made for _, made in ways]

    assert sorted(numbers) == numbers
    assert list(zip([None, *numbers], numbers, strict=False)) == ways


def test_database_up_to_date_is_left_alone(migrated: Database, file: Path) -> None:
    """A second migration changes nothing."""
    before = dump(file)
    migrate(migrated)

    assert before == dump(file)


def test_database_up_to_date_does_not_pay_for_alembic(migrated: Database) -> None:
    """A command on a database that is up to date never imports Alembic."""
    code = """
import sys
from homeostat.store.db import Database
from homeostat.store.db.migrate import migrate
migrate(Database(sys.argv[1]))
print("alembic" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", code, migrated.url], capture_output=True, text=True, check=True)

    assert "False\n" == ended.stdout


def test_database_of_a_later_version_is_refused(migrated: Database, file: Path) -> None:
    """What a later version wrote is not touched; the message names both schemas and the way out."""
    with migrated.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = dump(file)

    with pytest.raises(NewerWorkspace, match=f"has schema 9999.* knows up to {head()}.*pip install --upgrade"):
        migrate(migrated)
    assert before == dump(file)


def test_migration_is_whole_or_nothing(empty: Database, file: Path) -> None:
    """A migration that fails at its last table leaves none of the tables before it."""
    with empty.write() as connection:
        connection.execute(text("CREATE TABLE waivers (mine INTEGER)"))
        connection.execute(text("INSERT INTO waivers VALUES (1)"))
    before = dump(file)

    with pytest.raises(OperationalError, match="already exists"):
        migrate(empty)
    assert (None, before) == (revision(empty), dump(file))
