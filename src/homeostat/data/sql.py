"""SQL over datasets: `SELECT ... FROM flights`, and of a version by its number, tag or branch: `FROM "flights@3"`.

Names are those of datasets; a name with more than letters, digits and underscores needs double quotes. Reading only: nothing a
query says can change a dataset.
"""

import re
from collections.abc import Callable, Collection

import polars as pl
from polars.exceptions import PolarsError

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, NotAllowed, NotFound

_READS = frozenset({"select", "with", "from", "explain", "show", "values"})
# In this order: text, comments, quoted names, plain names.
_TOKEN = re.compile(r"""'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|"((?:[^"]|"")+)"|([A-Za-z_]\w*)""", re.DOTALL)


def query(statement: str, names: Collection[str], scan: Callable[[str], pl.LazyFrame]) -> Table:
    """The rows that a statement selects.

    Args:
        statement: polars' SQL.
        names: of the datasets there are.
        scan: of `flights` or `flights@3`.

    Raises: NotAllowed if it does more than read. NotFound if it names something that is not there. BadData if it cannot be
        understood or computed. Whatever `scan` raises.
    """
    first = next((plain for _, plain in _TOKEN.findall(statement) if plain), "")
    if first.lower() not in _READS:
        raise NotAllowed(f"{statement.strip()[:40]!r} is no query: datasets are only read by SQL. Begin with SELECT.")
    frames = {name: scan(name) for name in mentioned(statement, names)}
    try:
        with pl.SQLContext(frames) as context:
            return Table.of(context.execute(statement, eager=True))
    except PolarsError as error:
        said = str(error).partition("\n")[0]
        missing = re.search(r"relation '(.+?)' was not found", said)
        if missing is None:
            raise BadData(f"The query cannot be answered: {said}. {_known(frames)}") from error
        raise NotFound(
            f"The query reads from {missing[1]!r}, and no dataset is named so. There are: {', '.join(sorted(names)) or 'none'}. A "
            f'version is written in double quotes: FROM "NAME@3"'
        ) from error


def mentioned(statement: str, names: Collection[str]) -> list[str]:
    """Datasets and versions that a statement may read, in the order of their first mention.

    A column or alias that is called as a dataset is taken for it too, which costs next to nothing: it is not read.
    """
    found = (quoted.replace('""', '"') or plain for quoted, plain in _TOKEN.findall(statement))
    return list(dict.fromkeys(name for name in found if name.partition("@")[0] in names))


def _known(frames: dict[str, pl.LazyFrame]) -> str:
    columns = (f"{name} has {', '.join(frame.collect_schema().names())}" for name, frame in frames.items())
    return f"Columns: {'; '.join(columns)}." if frames else "It names no dataset."
