"""What the list of runs is asked for: its whole state, as it stands in the address."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast, get_args
from urllib.parse import urlencode

import msgspec

from homeostat.core.errors import UserError

Life = Literal["active", "deleted", "all"]
ColumnKind = Literal["attribute", "metric", "param", "tag"]

MOST_COLUMNS = 20
MOST_PINS = 20
# Attributes that a column can show, in the sequence of the picker.
ATTRIBUTES = {
    "status": "Status",
    "start_time": "Started",
    "end_time": "Took",
    "user_id": "User",
    "experiment_id": "Experiment",
    "kind": "Kind",
    "system": "System",
    "parent": "Part of",
    "source": "Source",
}
GROUPED = ("experiment_id", "status", "user_id", "system", "kind", "parent")
_NAMES = {
    "text": "q",
    "experiments": "experiment",
    "order": "order",
    "columns": "column",
    "group": "group",
    "opened": "open",
    "pins": "pin",
    "life": "life",
    "panel": "panel",
    "page": "page",
}


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the list.

    Attributes:
        text: filter in the grammar of searches.
        experiments: numbers of those whose runs are shown; none: all.
        order: such as `metrics.loss ASC`; none: newest first.
        columns: ids such as `metrics.loss` or `status`; none: chosen by what the runs have.
        group: id of the column that runs are grouped by, or empty.
        opened: filter of the group whose runs are shown below it, or empty.
        pins: ids of runs that stay on top.
        life: whether active runs are shown, deleted ones, or both.
        panel: `columns` while the column picker is open.
        page: token of the page; empty: the first.
    """

    text: str = ""
    experiments: tuple[int, ...] = ()
    order: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    group: str = ""
    opened: str = ""
    pins: tuple[str, ...] = ()
    life: Life = "active"
    panel: str = ""
    page: str = ""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "RunsQuery":
        """What an address asks for; names that are no part of it are passed over, and so is what has no value.

        Raises: UserError for an experiment that is no number, a life that is none, or too many pins.
        """
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if value and value not in given.setdefault(name, []):
                given[name].append(value)
        pins = given.get("pin", [])
        if len(pins) > MOST_PINS:
            raise UserError(f"{len(pins)} runs cannot be pinned: {MOST_PINS} fit on top. Take some pins away.")
        numbers = given.get("experiment", [])
        if wrong := [number for number in numbers if not number.isdecimal()]:
            raise UserError(f"experiment={wrong[0]!r} in the address is no number of one. Choose it on the page.")
        life = given.get("life", ["active"])[-1]
        if life not in get_args(Life):
            raise UserError(f"life={life!r} in the address is none. There are: {', '.join(get_args(Life))}.")
        last = {name: given.get(name, [""])[-1] for name in ("q", "group", "open", "panel", "page")}
        return cls(
            text=last["q"],
            experiments=tuple(map(int, numbers)),
            order=tuple(given.get("order", [])),
            columns=tuple(given.get("column", [])),
            group=last["group"],
            opened=last["open"],
            pins=tuple(pins),
            life=cast("Life", life),
            panel=last["panel"],
            page=last["page"],
        )

    def pairs(self, *without: str) -> list[tuple[str, str]]:
        """Name and value of what is not as at first, without some fields: as hidden inputs of a form send them."""
        found: list[tuple[str, str]] = []
        for field, name in _NAMES.items():
            value = getattr(self, field)
            if field in without or (field == "life" and value == "active"):
                continue
            values: Sequence[Any] = value if isinstance(value, tuple) else [value] if value else []
            found += [(name, str(one)) for one in values]
        return found

    def query(self, **changes: Any) -> str:
        """What stands behind the `?` with some fields changed; where pages begin anew if anything but the page is changed."""
        if changes and "page" not in changes and set(changes) - {"panel", "pins", "columns"}:
            changes["page"] = ""
        return urlencode(msgspec.structs.replace(self, **changes).pairs())

    def address(self, **changes: Any) -> str:
        """The page's address with some fields changed."""
        query = self.query(**changes)
        return f"/runs?{query}" if query else "/runs?q="

    @property
    def is_plain(self) -> bool:
        """Nothing was asked for but the page."""
        return not msgspec.structs.replace(self, page="", panel="").pairs()


def column_key(id_: str) -> tuple[ColumnKind, str]:
    """Kind and key of a column: `("metric", "loss")` for `metrics.loss`, `("attribute", "status")` for `status`."""
    prefix, point, key = id_.partition(".")
    kinds: dict[str, ColumnKind] = {"metrics": "metric", "params": "param", "tags": "tag"}
    return (kinds[prefix], key) if point and key and prefix in kinds else ("attribute", id_)


def column_id(kind: ColumnKind, key: str) -> str:
    """The way back from `column_key`."""
    return key if kind == "attribute" else f"{kind}s.{key}"
