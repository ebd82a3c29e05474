import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest

import homeostat
from homeostat.core.facts import Fact

for found in pkgutil.walk_packages(homeostat.__path__, "homeostat."):
    if found.name.endswith(".facts"):
        importlib.import_module(found.name)


def subclasses(root: type[Fact]) -> Iterator[type[Fact]]:
    for child in root.__subclasses__():
        yield child
        yield from subclasses(child)


FACTS = [kind for kind in subclasses(Fact) if kind.__module__.startswith("homeostat.")]


def test_facts_of_the_rooms_are_seen() -> None:
    """Facts of every room reach the tests below."""
    assert {"data-added", "run-finished", "model-promoted", "deployed"} <= {kind.kind for kind in FACTS}


def test_kinds_are_unique() -> None:
    """The ledger tells facts apart by kind, so no two classes share one."""
    kinds = [kind.kind for kind in FACTS]

    assert sorted(set(kinds)) == sorted(kinds)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_every_fact_says_its_own_kind(fact: type[Fact]) -> None:
    """A fact on disk is known by a kind of its own, never by that of its base, and it fits the ledger's column."""
    assert "kind" in vars(fact)
    assert 0 < len(fact.kind) <= 64


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_facts_are_frozen(fact: type[Fact]) -> None:
    """What happened cannot be changed."""
    assert fact.__struct_config__.frozen


def test_kind_is_no_field() -> None:
    """The kind has its own column; the body holds what was said, the actor included."""

    class Happened(Fact, frozen=True, kw_only=True):
        kind = "happened"
        rows: int

    assert b'{"system":"late-flights","actor":"ann","rows":3}' == msgspec.json.encode(
        Happened(system="late-flights", actor="ann", rows=3)
    )
