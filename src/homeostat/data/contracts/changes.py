"""What differs between two contracts, for a reviewer: one line for each expectation that came, went or changed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from homeostat.data.contracts.contract import Contract, Expectation

_SHOWN = 12  # values of a list; a domain may have 200


def changes(before: Contract, after: Contract) -> list[str]:
    """Lines that begin with `+` (new), `-` (gone) or `~` (changed); none if the two expect the same."""
    old, new = _by_subject(before), _by_subject(after)
    lines: list[str] = []
    for subject in dict.fromkeys([*old, *new]):
        for was, now in zip_longest(old.get(subject, ()), new.get(subject, ())):
            lines.extend(_change(subject, was, now))
    for name in ("tolerance", "environments"):
        was, now = (_plain(getattr(contract, name)) for contract in (before, after))
        if was != now:
            lines.append(f"~ {name}: {was} -> {now}")
    return lines


def _change(subject: str, was: Expectation | None, now: Expectation | None) -> Iterator[str]:
    old, new = _details(was), _details(now)
    if was is None:
        yield f"+ {subject}: {_spoken(new)}"
    elif now is None:
        yield f"- {subject}: {_spoken(old)}"
    elif old != new:
        moved = [_moved(name, old[name], new[name]) for name in new if old[name] != new[name]]
        yield f"~ {subject}: {', '.join(moved)}"


def _moved(name: str, was: Any, now: Any) -> str:
    if not isinstance(was, list) or not isinstance(now, list):
        return f"{name} {was} -> {now}"
    come = [f"+{value}" for value in now if value not in was]
    gone = [f"-{value}" for value in was if value not in now]
    return f"{name} {_cut([*come, *gone])}" if come or gone else f"{name} in another order"


def _by_subject(contract: Contract) -> dict[str, Sequence[Expectation]]:
    """Expectations by what they speak of, in their order; a contract may say a thing twice, as a warning and a block."""
    found: dict[str, list[Expectation]] = defaultdict(list)
    for expectation in contract.expectations:
        name, of = expectation.__struct_config__.tag, ", ".join(expectation.needs)
        found[f"{name} of {of}" if of else str(name)].append(expectation)
    return dict(found)


def _details(expectation: Expectation | None) -> dict[str, Any]:
    details: dict[str, Any] = {} if expectation is None else _plain(expectation)
    return {name: value for name, value in details.items() if name not in ("expect", "column")}


def _spoken(details: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_cut(value) if isinstance(value, list) else value}" for name, value in details.items())


def _cut(values: Sequence[Any]) -> str:
    shown = " ".join(map(str, values[:_SHOWN]))
    return f"{shown} ... ({len(values)})" if len(values) > _SHOWN else shown


def _plain(value: Any) -> Any:
    """As it stands in the JSON that people review."""
    return msgspec.json.decode(msgspec.json.encode(value))
