"""Contracts side by side, as a reviewer reads them."""

from homeostat.data.contracts.changes import changes
from homeostat.data.contracts.contract import Contract, Environment, InDomain, InRange, NullsAtMost


def test_equal_contracts_differ_in_nothing() -> None:
    """The reference is for people and no expectation."""
    one = Contract(name="c", expectations=(InRange(column="x", low=0),))

    assert [] == changes(one, Contract(name="c", expectations=one.expectations, reference="later"))


def test_each_change_has_a_line() -> None:
    """What came, went and changed is told by its subject, with only what changed of it."""
    before = Contract(
        name="c",
        expectations=(
            InRange(column="x", low=0.0, high=1.0),
            InDomain(column="s", values=("a", "b"), unseen_at_most=0.2),
        ),
    )
    after = Contract(
        name="c",
        expectations=(InRange(column="x", low=0.0, high=2.0), NullsAtMost(column="y", share=0.0)),
        tolerance=0.1,
        environments={"serving": Environment(absent=("y",))},
    )

    assert [
        "~ range of x: high 1.0 -> 2.0",
        "- domain of s: severity block, values a b, unseen_at_most 0.2",
        "+ nulls of y: severity block, share 0.0",
        "~ tolerance: 0.05 -> 0.1",
        "~ environments: {} -> {'serving': {'absent': ['y']}}",
    ] == changes(before, after)


def test_a_domain_changes_by_its_values() -> None:
    """Of a long list only what came and went is told."""
    before, after = (
        Contract(name="c", expectations=(InDomain(column="s", values=values, unseen_at_most=0),))
        for values in (("a", "b"), ("b", "c"))
    )

    assert ["~ domain of s: values +c -a"] == changes(before, after)
