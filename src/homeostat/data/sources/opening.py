"""From an address to its source."""

from pathlib import Path

from homeostat.core.errors import BadData, NotFound, UserError
from homeostat.data.sources.address import check
from homeostat.data.sources.bucket import BucketFile
from homeostat.data.sources.lakes import DeltaTable, IcebergTable, LanceTable
from homeostat.data.sources.local import LocalFile, ParquetFolder
from homeostat.data.sources.ports import Source
from homeostat.data.sources.query import Query
from homeostat.data.sources.records import Origin
from homeostat.data.sources.web import WebFile

_LAKES: dict[str, type[DeltaTable | IcebergTable | LanceTable]] = {
    "delta+": DeltaTable,
    "iceberg+": IcebergTable,
    "lance+": LanceTable,
}


def settled(origin: Origin, root: Path) -> Origin:
    """`origin` as it is remembered: a path in the project `root` is relative to it, another path is whole.

    Raises: UserError if it holds a credential, or a query has no database.
    """
    check(origin.uri)
    if origin.sql and "://" not in origin.uri:
        raise UserError(f"{origin.uri!r} is no database for the query. Write --url DIALECT://USER@HOST/DATABASE.")
    if "://" in origin.uri:
        return origin
    lake, place = _split(origin.uri)
    path = Path(place).expanduser().absolute()
    named = path.relative_to(root) if path.is_relative_to(root) else path
    return Origin(uri=f"{lake}{named.as_posix()}", max_bytes=origin.max_bytes)


def open_source(origin: Origin, root: Path, folder: Path) -> Source:
    """The source of a settled origin.

    Args:
        root: of the project; relative paths begin there.
        folder: for what is being downloaded.

    Raises: BadData if there is no kind of source for it. NotFound if a path is not there.
    """
    if origin.sql:
        return Query(origin)
    lake, place = _split(origin.uri)
    scheme = place.partition("://")[0] if "://" in place else ""
    if lake:
        return _LAKES[lake](origin, place if scheme else str(root / place))
    if scheme in ("http", "https"):
        return WebFile(origin, folder)
    if scheme == "s3":
        return BucketFile(origin, folder)
    if scheme:
        raise BadData(
            f"{origin.uri} is of no known kind. Known are paths, http://, https://, s3://, {'URI, '.join(_LAKES)}URI, and databases "
            f"with a query: --sql 'SELECT ...' --url DIALECT://..."
        )
    return _on_disk(origin, root / place)


def _on_disk(origin: Origin, path: Path) -> Source:
    if path.is_file() and not path.name.endswith(".metadata.json"):
        return LocalFile(path)
    if path.is_dir():
        if (path / "_delta_log").is_dir():
            return DeltaTable(origin, str(path))
        if (path / "metadata").is_dir():
            return IcebergTable(origin, str(path))
        if (path / "_versions").is_dir():
            return LanceTable(origin, str(path))
        return ParquetFolder(path)
    if path.is_file():
        return IcebergTable(origin, str(path))
    raise NotFound(f"There is no file or directory {path}. Check the path.")


def _split(uri: str) -> tuple[str, str]:
    """The lake format that begins an address, if any, and the rest."""
    lake = next((prefix for prefix in _LAKES if uri.startswith(prefix)), "")
    return lake, uri.removeprefix(lake)
