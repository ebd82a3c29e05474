"""One import: open the store, bring over what is new, compare, and say what came of it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from homeostat.core.errors import BadData
from homeostat.importing.contents import Contents
from homeostat.importing.database import DatabaseStore
from homeostat.importing.facts import StoreImported
from homeostat.importing.files import FileStore
from homeostat.importing.planning import plan
from homeostat.importing.ports import Source
from homeostat.importing.records import Report
from homeostat.importing.registering import Registry
from homeostat.importing.runs import Runs
from homeostat.importing.server import Server
from homeostat.importing.tally import Tally
from homeostat.store import ledger
from homeostat.workspace import Workspace


def open_source(uri: str, *, artifacts: str = "") -> Source:
    """A store of MLflow by the address that MLFLOW_TRACKING_URI or --backend-store-uri has.

    Args: artifacts: where a server keeps the artifacts of its proxy, for a store that is read without it.
    Raises: BadData if it is none. NotFound if nothing is there.
    """
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https"}:
        return Server(uri)
    if parts.scheme == "sqlite":
        return DatabaseStore(Path(uri.removeprefix("sqlite:///")), artifacts=artifacts)
    if parts.scheme == "file":
        return FileStore(Path(unquote(parts.path)), artifacts=artifacts)
    if parts.scheme:
        raise BadData(
            f"{parts.scheme}:// is not read directly. Start `mlflow server --backend-store-uri {parts.scheme}://...` in front of it, and "
            "import from its address. Read directly are http(s)://, sqlite:/// and folders."
        )
    path = Path(uri).expanduser()
    return DatabaseStore(path, artifacts=artifacts) if path.is_file() else FileStore(path, artifacts=artifacts)


def bring(
    workspace: Workspace,
    source: Source,
    *,
    recheck: bool = False,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Bring over what is new or has changed since the last time; whoever is stopped goes on by doing it again.

    Args:
        recheck: read and compare everything, also what the source tells as before.
        dry_run: only count.
        progress: told in words how far it is.
    Raises: Unavailable if the source stops answering. DiskFull.
    Memory: one history (some 200 bytes a point while it is compared), the file list of one run, and a page of runs.
    """
    tally = Tally(progress)
    if dry_run:
        plan(workspace.database, source, tally)
        return tally.report(source.address, source.left_out(), is_dry=True)
    contents = Contents(workspace.database, workspace.objects, source, tally)
    Runs(workspace.database, workspace.clock, source, contents, tally, recheck=recheck).bring_all()
    Registry(workspace.database, workspace.objects, source, tally).bring_all()
    with workspace.database.write() as connection:
        fact = StoreImported(source=source.address, fresh=tally.fresh, changed=tally.changed, differing=tally.differing)
        ledger.append(connection, workspace.clock.now(), fact)
    return tally.report(source.address, source.left_out())
