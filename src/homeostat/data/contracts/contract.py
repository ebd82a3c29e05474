"""Contracts: what the rows of a dataset must hold to, as data that people review.

A contract is JSON: written by `infer` from a reference, edited by people, reviewed as a diff, checked by `validate`.

Expectations about rows (`range`, `nulls` of share 0, `unique`) name the rows that fail: a few of them go to quarantine, more
than the contract's `tolerance` block the append. The others speak of the append as a whole.
"""

from typing import Literal

import msgspec

from homeostat.core.errors import InvalidDeclaration

Severity = Literal["warn", "block"]


class _Expectation(msgspec.Struct, frozen=True, kw_only=True, tag_field="expect"):
    severity: Severity = "block"


class HasColumn(_Expectation, frozen=True, kw_only=True, tag="column"):
    """The column is there, with this spelled type (`int64`, `string`, `timestamp[us, UTC]`)."""

    column: str
    type: str


class NullsAtMost(_Expectation, frozen=True, kw_only=True, tag="nulls"):
    """At most this share of the column is null or NaN; a share of 0 makes each such row a failing row."""

    column: str
    share: float


class InRange(_Expectation, frozen=True, kw_only=True, tag="range"):
    """Every number of the column is at least `low` and at most `high`; nulls pass, NaN does not."""

    column: str
    low: float
    high: float


class InDomain(_Expectation, frozen=True, kw_only=True, tag="domain"):
    """At most this share of the rows has a value outside `values`; any unseen value is a warning."""

    column: str
    values: tuple[str, ...]
    unseen_at_most: float


class SameScale(_Expectation, frozen=True, kw_only=True, tag="scale"):
    """The column is in the unit it was in.

    A change of unit multiplies every quartile alike. So the column fails when all of its quartiles moved the same way
    from the reference's, each by more than `factor`: what weather or season move is seldom all of them that far.
    """

    column: str
    quartiles: tuple[float, float, float]
    factor: float


class UniqueBy(_Expectation, frozen=True, kw_only=True, tag="unique"):
    """No two rows of an append agree in all of these columns; the first of them passes."""

    columns: tuple[str, ...]


class RowCount(_Expectation, frozen=True, kw_only=True, tag="rows"):
    """An append has at least `low` and at most `high` rows."""

    low: int
    high: int


Expectation = HasColumn | NullsAtMost | InRange | InDomain | SameScale | UniqueBy | RowCount


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What each append to a dataset must hold to.

    Attributes:
        name: of the contract, usually that of the dataset.
        expectations: in the order in which they are reported.
        tolerance: largest share of failing rows that is quarantined while the rest is accepted.
        reference: for people: what it was inferred from.
    """

    name: str
    expectations: tuple[Expectation, ...]
    tolerance: float = 0.05
    reference: str = ""

    def __post_init__(self) -> None:
        for expectation in self.expectations:
            _check(self.name, expectation)
        if not 0 <= self.tolerance < 1:
            raise InvalidDeclaration(
                f"Contract {self.name!r} has tolerance {self.tolerance}: a share from 0 up to 1 is needed."
            )

    @property
    def types(self) -> dict[str, str]:
        """Spelled type of each expected column."""
        return {item.column: item.type for item in self.expectations if isinstance(item, HasColumn)}


def write_contract(contract: Contract) -> bytes:
    """JSON for review: indented, one expectation after the other."""
    return msgspec.json.format(msgspec.json.encode(contract), indent=2) + b"\n"


def read_contract(text: bytes | str) -> Contract:
    """The contract of `write_contract`'s JSON, as people may have edited it.

    Raises: InvalidDeclaration saying where it is not a contract.
    """
    try:
        return msgspec.json.decode(text, type=Contract)
    except msgspec.ValidationError as error:
        raise InvalidDeclaration(f"Not a contract: {error}. Mend that place, or infer the contract again.") from error
    except msgspec.DecodeError as error:
        raise InvalidDeclaration(f"Not JSON: {error}. Mend that place, or infer the contract again.") from error


def _check(contract: str, expectation: Expectation) -> None:
    problem = ""
    if isinstance(expectation, InRange | RowCount) and expectation.low > expectation.high:
        problem = f"low {expectation.low} lies above high {expectation.high}"
    elif isinstance(expectation, NullsAtMost) and not 0 <= expectation.share <= 1:
        problem = f"share {expectation.share} is not from 0 to 1"
    elif isinstance(expectation, InDomain) and not 0 <= expectation.unseen_at_most <= 1:
        problem = f"unseen_at_most {expectation.unseen_at_most} is not from 0 to 1"
    elif isinstance(expectation, SameScale) and (expectation.factor <= 1 or min(expectation.quartiles) <= 0):
        problem = f"factor {expectation.factor} must be above 1 and quartiles {expectation.quartiles} above 0"
    elif isinstance(expectation, UniqueBy) and not expectation.columns:
        problem = "no columns are named"
    if problem:
        raise InvalidDeclaration(f"Contract {contract!r} contradicts itself in {expectation}: {problem}.")
