"""Contracts: what the rows of a dataset must hold to, as data that people review.

A contract is JSON: written by `infer` from a reference, edited by people, reviewed as a diff, checked by `validate`.

Expectations about rows (`range`, `nulls` of share 0, `domain` with none unseen, `pattern`, `length`, `unique`, `ascending`)
name the rows that fail: a few of them go to quarantine, more than the contract's `tolerance` block the append. The others
speak of the append as a whole.
"""

import math
from typing import Literal, get_args

import msgspec
import polars as pl

from homeostat.core.durations import duration_us
from homeostat.core.errors import HomeostatError, InvalidDeclaration
from homeostat.data.contracts.report import Severity

DistanceName = Literal["psi", "js", "ks", "w1"]
PersonalKind = Literal[
    "email", "phone", "card", "iban", "ip", "us_ssn", "uk_nino", "fr_nir", "es_nif", "it_codice_fiscale"
]
PERSONAL_KINDS: tuple[PersonalKind, ...] = get_args(PersonalKind)


# A misspelled word in an edited file is refused: left out, it would loosen the contract without a word.
class _Expectation(msgspec.Struct, frozen=True, kw_only=True, tag_field="expect", forbid_unknown_fields=True):
    severity: Severity = "block"

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns without which it cannot be checked."""
        return ()

    @property
    def contradiction(self) -> str:
        """What is wrong with it in itself; empty if nothing is."""
        return ""


class _OfColumn(_Expectation, frozen=True, kw_only=True):
    column: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.column,)


class HasColumn(_OfColumn, frozen=True, kw_only=True, tag="column"):
    """The column is there, with this spelled type (`int64`, `string`, `timestamp[us, UTC]`)."""

    type: str


class OnlyColumns(_Expectation, frozen=True, kw_only=True, tag="columns"):
    """There is no column but these; with `is_ordered`, those that are there stand in this order."""

    columns: tuple[str, ...]
    is_ordered: bool = False
    allows_others: bool = False

    @property
    def contradiction(self) -> str:
        return "" if self.columns else "no columns are named"


class Forbidden(_Expectation, frozen=True, kw_only=True, tag="forbidden"):
    """No column has one of these names; `*` and `?` stand for any letters, case aside."""

    columns: tuple[str, ...]

    @property
    def contradiction(self) -> str:
        return "" if self.columns else "no columns are named"


class NoPersonalData(_Expectation, frozen=True, kw_only=True, tag="personal"):
    """No text column holds values that look like personal data.

    Attributes:
        columns: to look at; empty for every text column.
        exempt: columns that may hold them.
        kinds: of values to look for.
        patterns: further kinds by name, as regular expressions that a whole value matches.
        share: largest share of a column's values that may look so: a chance likeness is no address book.
    """

    columns: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    kinds: tuple[PersonalKind, ...] = PERSONAL_KINDS
    patterns: dict[str, str] = {}
    share: float = 0.01

    @property
    def contradiction(self) -> str:
        return _no_share("share", self.share) or _bad_patterns(self.patterns)


class NullsAtMost(_OfColumn, frozen=True, kw_only=True, tag="nulls"):
    """At most this share of the column is null or NaN; a share of 0 makes each such row a failing row."""

    share: float

    @property
    def contradiction(self) -> str:
        return _no_share("share", self.share)


class InRange(_OfColumn, frozen=True, kw_only=True, tag="range"):
    """Every number of the column is at least `low` and at most `high`, where given; nulls pass, NaN does not."""

    low: float | None = None
    high: float | None = None

    @property
    def contradiction(self) -> str:
        if self.low is None and self.high is None:
            return "neither low nor high is given"
        return _disordered(-math.inf if self.low is None else self.low, math.inf if self.high is None else self.high)


class InDomain(_OfColumn, frozen=True, kw_only=True, tag="domain"):
    """At most this share of the rows has a value outside `values`; any unseen value is a warning.

    A share of 0 makes each row with another value a failing row.
    """

    values: tuple[str | int | float | bool, ...]
    unseen_at_most: float

    @property
    def contradiction(self) -> str:
        kinds = sorted({type(value).__name__ for value in self.values})
        if len(kinds) > 1:
            return f"values are of several types ({', '.join(kinds)})"
        return _no_share("unseen_at_most", self.unseen_at_most)


class Matches(_OfColumn, frozen=True, kw_only=True, tag="pattern"):
    """Every text of the column matches this regular expression from end to end; nulls pass. Rust's syntax: no look-around."""

    regex: str

    @property
    def contradiction(self) -> str:
        return _bad_patterns({"regex": self.regex})


class TextLength(_OfColumn, frozen=True, kw_only=True, tag="length"):
    """Every text of the column has at least `low` and at most `high` characters; nulls pass."""

    low: int
    high: int

    @property
    def contradiction(self) -> str:
        return _disordered(self.low, self.high)


class SameScale(_OfColumn, frozen=True, kw_only=True, tag="scale"):
    """The column is in the unit it was in.

    A change of unit multiplies every quartile alike. So the column fails when all of its quartiles moved the same way
    from the reference's, each by more than `factor`: what weather or season move is seldom all of them that far.
    """

    quartiles: tuple[float, float, float]
    factor: float

    @property
    def contradiction(self) -> str:
        is_sound = self.factor > 1 and min(self.quartiles) > 0
        return "" if is_sound else f"factor {self.factor} must be above 1 and quartiles {self.quartiles} above 0"


class UniqueBy(_Expectation, frozen=True, kw_only=True, tag="unique"):
    """No two rows of an append agree in all of these columns; the first of them passes.

    With `with_history` no row of the append repeats one that the dataset holds already, either.
    """

    columns: tuple[str, ...]
    with_history: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        return self.columns

    @property
    def contradiction(self) -> str:
        return "" if self.columns else "no columns are named"


class Ascending(_OfColumn, frozen=True, kw_only=True, tag="ascending"):
    """The column (a number or a time) never goes back from row to row; nulls pass.

    With `is_strict` it never stands still, either. With `with_history` it begins where the dataset ends.
    """

    is_strict: bool = False
    with_history: bool = False


class Fresh(_OfColumn, frozen=True, kw_only=True, tag="fresh"):
    """The newest value of a time column is at most this long ago (`36h`, `2d`) when the rows come, and not after it by as much."""

    within: str

    @property
    def contradiction(self) -> str:
        return _no_duration(self.within)


class RowCount(_Expectation, frozen=True, kw_only=True, tag="rows"):
    """An append has at least `low` and at most `high` rows."""

    low: int
    high: int

    @property
    def contradiction(self) -> str:
        return _disordered(self.low, self.high)


class RowChange(_Expectation, frozen=True, kw_only=True, tag="row_change"):
    """An append has at least `low` and at most `high` times as many rows as the one before."""

    low: float
    high: float

    @property
    def contradiction(self) -> str:
        return _disordered(self.low, self.high)


class NoDrift(_OfColumn, frozen=True, kw_only=True, tag="drift"):
    """The column is distributed as in a reference version: it fails when it lies further than `at_most` and chance does not explain it.

    Attributes:
        against: number or tag of the reference version; empty for all that the dataset holds.
        distance: `psi` (population stability index), `js` (Jensen-Shannon), `ks` (Kolmogorov-Smirnov) or `w1`
            (Wasserstein over the interquartile range); the last two for numbers only.
        alpha: level of the test.
    """

    against: str = ""
    distance: DistanceName = "psi"
    at_most: float = 0.25
    alpha: float = 0.001

    @property
    def contradiction(self) -> str:
        return _no_threshold(self.at_most, self.alpha)


class NoSkew(_OfColumn, frozen=True, kw_only=True, tag="skew"):
    """The column is distributed as the input of its name that a system was asked in production, over the last while. Else as `NoDrift`."""

    system: str
    last: str = "7d"
    distance: DistanceName = "psi"
    at_most: float = 0.25
    alpha: float = 0.001

    @property
    def contradiction(self) -> str:
        return _no_threshold(self.at_most, self.alpha) or _no_duration(self.last)


Expectation = (
    HasColumn
    | OnlyColumns
    | Forbidden
    | NoPersonalData
    | NullsAtMost
    | InRange
    | InDomain
    | Matches
    | TextLength
    | SameScale
    | UniqueBy
    | Ascending
    | Fresh
    | RowCount
    | RowChange
    | NoDrift
    | NoSkew
)


class Environment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where rows are held to the contract: `absent` columns, such as the label when serving, are not there and not asked for."""

    absent: tuple[str, ...] = ()


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each append to a dataset must hold to.

    Attributes:
        name: of the contract, usually that of the dataset.
        expectations: in the order in which they are reported.
        tolerance: largest share of failing rows that is quarantined while the rest is accepted.
        reference: for people: what it was inferred from.
        environments: by name, what is different there; without a name every column is asked for.
    """

    name: str
    expectations: tuple[Expectation, ...]
    tolerance: float = 0.05
    reference: str = ""
    environments: dict[str, Environment] = {}

    def __post_init__(self) -> None:
        for expectation in self.expectations:
            if expectation.contradiction:
                raise InvalidDeclaration(
                    f"Contract {self.name!r} contradicts itself in {expectation}: {expectation.contradiction}."
                )
        if not 0 <= self.tolerance < 1:
            raise InvalidDeclaration(
                f"Contract {self.name!r} has tolerance {self.tolerance}: a share from 0 up to 1 is needed."
            )

    def absent(self, environment: str) -> frozenset[str]:
        """Columns that are not there in an environment; none without a name.

        Raises: InvalidDeclaration naming the environments there are.
        """
        if not environment:
            return frozenset()
        if environment not in self.environments:
            known = ", ".join(self.environments) or "none"
            raise InvalidDeclaration(
                f"Contract {self.name!r} has no environment {environment!r}; it has: {known}. Add it to the contract: "
                f'"environments": {{"{environment}": {{"absent": ["label"]}}}}'
            )
        return frozenset(self.environments[environment].absent)

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


def _disordered(low: float, high: float) -> str:
    return f"low {low} lies above high {high}" if low > high else ""


def _no_share(name: str, share: float) -> str:
    return "" if 0 <= share <= 1 else f"{name} {share} is not from 0 to 1"


def _no_threshold(at_most: float, alpha: float) -> str:
    is_sound = at_most > 0 and 0 < alpha < 1
    return "" if is_sound else f"at_most {at_most} must be above 0 and alpha {alpha} between 0 and 1"


def _no_duration(text: str) -> str:
    try:
        return "" if duration_us(text) > 0 else f"{text!r} is no time at all"
    except HomeostatError as error:
        return error.message


def _bad_patterns(patterns: dict[str, str]) -> str:
    for name, pattern in patterns.items():
        try:
            pl.Series([""]).str.contains(pattern)
        except pl.exceptions.PolarsError as error:
            return f"{name} {pattern!r} is not a regular expression: {error}"
    return ""
