"""Files behind URLs: fetched when they have changed, resumed where they broke off, and no secret is kept."""

import pytest

from file_server import Web
from homeostat.core.errors import BadData, NotFound, Unavailable, UserError
from homeostat.data.service import Datasets
from homeostat.data.sources.records import Origin
from homeostat.data.sources.service import Sources
from homeostat.store import ledger, lineage
from homeostat.store.db import Database

ROWS = "n,s\n1,a\n2,b\n"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeostat.data.sources.web._PAUSE_S", 0)


def test_a_url_is_imported(sources: Sources, datasets: Datasets, web: Web) -> None:
    """The rows are a version whose lineage leads to the address in the state in which it was."""
    (web.folder / "rows.csv").write_text(ROWS)

    done = sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv"))

    assert ("new version", 1, 2, len(ROWS)) == (done.outcome, done.version, done.rows, done.bytes_fetched)
    version = datasets.version("rows")
    assert {"n": [1, 2], "s": ["a", "b"]} == datasets.read(version).polars().to_dict(as_series=False)
    assert version.source.startswith(f"{web.url}/rows.csv blake3=")
    assert f" etag={done.state['etag']}" in version.source


def test_what_has_not_changed_is_not_fetched(sources: Sources, web: Web) -> None:
    """A conditional request is answered without a body."""
    (web.folder / "rows.csv").write_text(ROWS)
    sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv"))
    web.asked()

    done = sources.update("rows")

    assert ("not changed", 1, 0) == (done.outcome, done.version, done.bytes_fetched)
    assert ["/rows.csv 304 0"] == web.asked()


def test_what_has_changed_is_the_next_version(sources: Sources, datasets: Datasets, web: Web) -> None:
    """And when it changes back, that is a version too."""
    (web.folder / "rows.csv").write_text(ROWS)
    sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv"))
    (web.folder / "rows.csv").write_text(ROWS + "3,c\n")

    second = sources.update("rows")
    (web.folder / "rows.csv").write_text(ROWS)
    third = sources.update("rows")

    assert [(2, 3), (3, 2)] == [(done.version, done.rows) for done in (second, third)]
    assert 2 == datasets.version("rows").rows


def test_another_spelling_of_the_same_rows_is_no_version(sources: Sources, datasets: Datasets, web: Web) -> None:
    """The state is remembered: the next update asks with the new etag."""
    (web.folder / "rows.csv").write_text(ROWS)
    sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv"))
    (web.folder / "rows.csv").write_text(ROWS.replace("\n", "\r\n"))

    done = sources.update("rows")

    assert ("same rows", 1) == (done.outcome, datasets.version("rows").number)
    web.asked()
    assert "not changed" == sources.update("rows").outcome
    assert ["/rows.csv 304 0"] == web.asked()


def test_without_an_etag_the_content_decides(sources: Sources, web: Web) -> None:
    """It is downloaded again, and not read again."""
    (web.folder / "rows.csv").write_text(ROWS)
    sources.import_url("rows", Origin(uri=f"{web.url}/plain/rows.csv"))

    done = sources.update("rows")

    assert ("not changed", len(ROWS)) == (done.outcome, done.bytes_fetched)


def test_a_download_that_breaks_off_is_resumed(sources: Sources, datasets: Datasets, web: Web) -> None:
    """Each byte comes once: the rest is asked for by range, in this call or a later one."""
    text = "n\n" + "".join(f"{number}\n" for number in range(1000))
    (web.folder / "rows.csv").write_text(text)
    origin = Origin(uri=f"{web.url}/cut/rows.csv")
    with pytest.raises(Unavailable, match=r"bytes are here; the next call goes on from there"):
        sources.import_url("rows", origin)

    tries = 1
    while tries < 6:
        try:
            sources.import_url("rows", origin)
            break
        except Unavailable:
            tries += 1

    assert list(range(1000)) == datasets.read(datasets.version("rows")).polars()["n"].to_list()
    assert len(text) == sum(int(line.split()[2]) for line in web.asked())


def test_what_changes_while_it_is_resumed_begins_again(sources: Sources, datasets: Datasets, web: Web) -> None:
    """Halves of two files are never put together."""
    (web.folder / "rows.csv").write_text("n\n" + "1\n" * 500)
    with pytest.raises(Unavailable):
        sources.import_url("rows", Origin(uri=f"{web.url}/cut/rows.csv"))
    (web.folder / "rows.csv").write_text("n\n2\n")

    for _ in range(3):
        try:
            sources.import_url("rows", Origin(uri=f"{web.url}/cut/rows.csv"))
            break
        except Unavailable:
            continue

    assert [2] == datasets.read(datasets.version("rows")).polars()["n"].to_list()


def test_a_download_that_was_not_kept_is_not_made_again(
    sources: Sources, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between download and version, the next call finds all of it here."""
    (web.folder / "rows.csv").write_text(ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(Datasets, "import_batches", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv"))
    web.asked()

    done = sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv"))

    assert ("new version", 0) == (done.outcome, done.bytes_fetched)
    assert ["/rows.csv 416 0"] == web.asked()


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("no.csv", NotFound, r"no\.csv answers 404"),
        ("status/403", UserError, r"answers 403 Forbidden: it needs credentials"),
        ("status/500", Unavailable, r"does not answer: it answers 500, 4 times"),
        ("to/9/rows.csv", BadData, r"leads on more than 5 times"),
        ("rows.doc", BadData, r"rows\.doc has no suffix that is known"),
        ("bad.csv", BadData, r"/bad\.csv cannot be read as \.csv: Row #3: Expected 2 columns, got 1"),
    ],
)
def test_what_cannot_be_had_is_named(sources: Sources, web: Web, path: str, error: type[Exception], says: str) -> None:
    """Address, reason, and what to do; and nothing is remembered."""
    (web.folder / "rows.csv").write_text(ROWS)
    (web.folder / "rows.doc").write_text(ROWS)
    (web.folder / "bad.csv").write_text("a,b\n1,2\n3\n")

    with pytest.raises(error, match=says):
        sources.import_url("rows", Origin(uri=f"{web.url}/{path}"))

    assert [] == sources.sources()


def test_redirects_are_followed_to_the_file(sources: Sources, web: Web) -> None:
    """Five at most; the address remembered is the one that was given."""
    (web.folder / "rows.csv").write_text(ROWS)

    assert f"{web.url}/to/5/rows.csv" == sources.import_url("rows", Origin(uri=f"{web.url}/to/5/rows.csv")).uri


def test_a_file_that_is_too_large_is_not_fetched(sources: Sources, web: Web) -> None:
    """Its announced length decides, before any of it comes."""
    (web.folder / "rows.csv").write_text(ROWS)

    with pytest.raises(BadData, match=r"has 12 bytes, more than the 10 allowed"):
        sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv", max_bytes=10))


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:open@HOST/secret/rows.csv",
        "http://HOST/rows.csv?api_key=open",
        "http://HOST/rows.csv?X-Amz-Signature=open",
    ],
)
def test_an_address_with_a_credential_is_refused(sources: Sources, web: Web, uri: str) -> None:
    """It would be kept for good; the message does not repeat it."""
    with pytest.raises(UserError, match=r"write its name instead, in single quotes: '.*\$\{NAME\}") as refused:
        sources.import_url("rows", Origin(uri=uri.replace("HOST", web.url.removeprefix("http://"))))

    assert "open" not in refused.value.message


def test_credentials_come_from_the_environment(
    sources: Sources, datasets: Datasets, database: Database, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the variable's name is kept: in the version, the source, the lineage and the ledger."""
    (web.folder / "rows.csv").write_text(ROWS)
    monkeypatch.setenv("FEED_USER", "me")
    monkeypatch.setenv("FEED_PASSWORD", "open")
    uri = f"{web.url}/secret/rows.csv".replace("http://", "http://${FEED_USER}:${FEED_PASSWORD}@")

    sources.import_url("rows", Origin(uri=uri))

    with database.read() as connection:
        edges = lineage.upstream(connection, datasets.version("rows").node)
        facts = ledger.entries(connection)
    kept = f"{datasets.version('rows')} {sources.sources()} {edges} {facts}"
    assert "${FEED_PASSWORD}" in kept
    assert "open" not in kept


def test_a_variable_that_is_not_set_is_named(sources: Sources, web: Web) -> None:
    """And how to set it."""
    with pytest.raises(NotFound, match="needs the variable NO_SUCH_TOKEN, which is not set"):
        sources.import_url("rows", Origin(uri=f"{web.url}/rows.csv?token=${{NO_SUCH_TOKEN}}"))


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
