from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert

from homeostat.core.digests import Digest, canonical_json, digest_bytes, short
from homeostat.core.errors import CorruptObject
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.db.schema.registry import model_versions
from homeostat.store.db.schema.track import run_tags
from homeostat.store.objects import FileObjects
from homeostat.store.retention.mentions import Mentions, digests_in, roots

ONE, OTHER, THIRD = (digest_bytes(text) for text in (b"1", b"2", b"3"))


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


def test_digests_in_text() -> None:
    """A digest is found wherever it stands in a text, and nothing that is longer is one."""
    assert {ONE, OTHER} == digests_in(f'x"{ONE}"table:{OTHER},{ONE}{ONE}')


def test_any_row_of_any_table_is_a_root(tmp_path: Path) -> None:
    """Who wrote a digest, and into which column, does not matter; nor that it waits in a spool for the database."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database.engine)
    with database.write() as connection:
        connection.execute(insert(run_tags).values(run_id="run-1", key="parent", value=f"see {ONE}"))
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "run-1").write_bytes(b"\xd9\x40" + OTHER.encode() + b"\x00")

    found = roots(database, tmp_path / "spool")
    database.close()

    assert {ONE, OTHER} == found


def test_a_spool_that_is_emptied_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that reaches the database between the listing and the reading does not stop a collection."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database.engine)
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "run-1").write_bytes(ONE.encode())

    def brought(path: Path) -> bytes:
        with database.write() as connection:
            connection.execute(insert(run_tags).values(run_id="run-1", key="parent", value=ONE))
        path.unlink()
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_bytes", brought)
    found = roots(database, tmp_path / "spool")
    database.close()

    assert {ONE} == found


def test_a_table_of_another_version_counts_too(tmp_path: Path) -> None:
    """The tables are those of the database, not those that this version of Homeostat knows."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database.engine)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE invented (name VARCHAR(9) PRIMARY KEY, body TEXT)")
        connection.exec_driver_sql("INSERT INTO invented VALUES ('x', ?)", (ONE,))

    found = roots(database, tmp_path / "spool")
    database.close()

    assert {ONE} == found
    assert "invented" not in model_versions.metadata.tables


def test_json_leads_on(objects: FileObjects) -> None:
    """What stands in JSON that is reached is reached, at any depth; a circle ends."""
    leaf = objects.put(b"PAR1 rows")
    inner = objects.put(canonical_json([{"object": leaf}, ONE]))
    outer = objects.put(canonical_json({"inner": inner}))

    assert {outer, inner, leaf, ONE} == Mentions(objects).reached([outer])


def test_head_of_anything_leads_on(objects: FileObjects) -> None:
    """A model names its code in its head, which is not JSON."""
    model = objects.put(msgspec.msgpack.encode({"code": ONE, "estimator": bytes(200_000)}))

    assert {model, ONE} == Mentions(objects).reached([model])


@pytest.mark.parametrize("offset", [0, 65_536 - 32, 65_536 + 8 * 1024 * 1024 - 1])
def test_digest_across_parts_is_found(objects: FileObjects, offset: int) -> None:
    """A large object is read in parts; a digest that lies across two of them is seen, one that is too long is not."""
    text = b"[" + b" " * offset + f'"{ONE}"'.encode() + b" " * 100 + f'"{OTHER}0"]'.encode()

    assert {ONE} == Mentions(objects).within(objects.put(text))


def test_who_leads_to_a_loss(objects: FileObjects) -> None:
    """From a lost object back to everything that needs it."""
    inner = objects.put(canonical_json([THIRD]))
    outer = objects.put(canonical_json([inner]))
    objects.put(canonical_json([ONE]))

    assert {THIRD: {THIRD}, inner: {THIRD}, outer: {THIRD}} == Mentions(objects).leading_to([THIRD])


def test_absent_object_leads_nowhere(objects: FileObjects) -> None:
    """A digest need not be that of an object."""
    assert {Digest("0" * 64)} == Mentions(objects).reached([Digest("0" * 64)])


def test_damaged_json_stops_a_collection(objects: FileObjects) -> None:
    """What a damaged manifest led to is unknown: a collector must not take it for unneeded. Damage elsewhere leads nowhere."""
    leaf = objects.put(b"PAR1 rows")
    outer = objects.put(canonical_json([leaf]))
    objects.path(leaf).write_bytes(b"PAR1 rowz")
    sound = Mentions(objects).reached([outer])
    objects.path(outer).write_bytes(canonical_json([ONE]))

    assert {outer, leaf} == sound
    with pytest.raises(CorruptObject, match=short(outer)):
        Mentions(objects).reached([outer])


def test_what_cannot_be_read_stops_a_collection(objects: FileObjects) -> None:
    """A disk that gives no answer is no empty object."""
    outer = objects.put(canonical_json([ONE]))
    objects.path(outer).unlink()
    (objects._root / outer[:2] / outer[2:]).mkdir()

    with pytest.raises(CorruptObject, match=f"{short(outer)} cannot be read"):
        Mentions(objects).reached([outer])
