"""The grammar of filters and orders: `metrics.loss < 0.3 AND params.model = 'cnn' AND tags."my tag" IS NULL`.

    filter     = comparison { AND comparison }
    comparison = key operator value | key IS [NOT] NULL | key [NOT] IN ( text { , text } )
    key        = [ prefix . ] name, a name of other characters than letters, digits and _ in backticks or double quotes
    operator   = > | >= | < | <= | = | != | LIKE | ILIKE
    value      = number | text in single or double quotes, a quote in it doubled

There is no OR, no NOT and no parentheses. What a text means is settled here, by a vocabulary; no I/O and no SQL.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from homeostat.core.errors import InvalidFilter

Kind = Literal["attribute", "metric", "param", "tag", "dataset"]
Type = Literal["text", "number", "time"]  # time: milliseconds, or an ISO 8601 text
Operator = Literal[">", ">=", "<", "<=", "=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL", "IN", "NOT IN"]

_PREFIXES: dict[str, Kind] = {
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
}
_NUMERIC: tuple[Operator, ...] = (">", ">=", "<", "<=", "=", "!=")
_TEXTUAL: tuple[Operator, ...] = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*"|`[^`]*`)|(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>>=|<=|!=|[><=(),.]))"""
)

_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


class Vocabulary(NamedTuple):
    """What a filter may speak of.

    Attributes:
        attributes: name -> type; aliases are resolved by `names`.
        names: alias -> attribute.
        kinds: of keys besides attributes.
        numeric_params: whether a param may be compared with a number.
    """

    attributes: dict[str, Type]
    names: dict[str, str]
    kinds: tuple[Kind, ...]
    numeric_params: bool = True


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. `value` is None for IS [NOT] NULL, texts for [NOT] IN."""

    kind: Kind
    key: str
    operator: Operator
    value: str | float | tuple[str, ...] | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    key: str
    is_descending: bool = False


RUNS = Vocabulary(
    attributes={
        "run_id": "text",
        "run_name": "text",
        "user_id": "text",
        "status": "text",
        "start_time": "time",
        "end_time": "time",
        "experiment_id": "number",
        "kind": "text",
        "system": "text",
        "parent": "text",
        "source": "text",
    },
    names={
        "id": "run_id",
        "run_uuid": "run_id",
        "name": "run_name",
        "run name": "run_name",
        "user": "user_id",
        "started_at": "start_time",
        "created": "start_time",
        "Created": "start_time",
        "finished_at": "end_time",
    },
    kinds=("metric", "param", "tag", "dataset"),
)
EXPERIMENTS = Vocabulary(
    attributes={"name": "text", "experiment_id": "number", "creation_time": "time", "last_update_time": "time"},
    names={"id": "experiment_id"},
    kinds=("tag",),
)
_DATASET_KEYS = ("name", "digest", "context")


class _Token(NamedTuple):
    kind: str  # text, quoted, number, word, sign or end
    text: str
    at: int


# What databases take in one statement: SQLite 1,000 levels of an expression, 64 tables, 32,766 values.
MOST_COMPARISONS = 100
MOST_ORDERS = 20
MOST_VALUES = 10_000


def parse(text: str, vocabulary: Vocabulary = RUNS) -> tuple[Comparison, ...]:
    """The comparisons that must all hold; none for an empty text.

    Raises: InvalidFilter naming the position and what was expected there.
    """
    found = _Reader(text, vocabulary).filter()
    values = sum(len(one.value) if isinstance(one.value, tuple | list) else 1 for one in found)
    if len(found) > MOST_COMPARISONS or values > MOST_VALUES:
        raise InvalidFilter(
            f"The filter has {len(found)} comparisons with {values} values. At most {MOST_COMPARISONS} with {MOST_VALUES} are "
            f"answered at once: search in parts."
        )
    return found


def parse_orders(texts: Sequence[str], vocabulary: Vocabulary = RUNS) -> tuple[Order, ...]:
    """Orders such as `metrics.loss ASC`.

    Raises: InvalidFilter as `parse`, or if two order by one key.
    """
    if len(texts) > MOST_ORDERS:
        raise InvalidFilter(f"There are {len(texts)} orders. At most {MOST_ORDERS} are possible.")
    found = [_Reader(text, vocabulary).order() for text in texts]
    keys = [(order.kind, order.key) for order in found]
    if repeated := [key for key in keys if keys.count(key) > 1]:
        raise InvalidFilter(f"Two orders are by {'.'.join(repeated[0])}. Leave one out.")
    return tuple(found)


def written(comparisons: Sequence[Comparison]) -> str:
    """A filter as text, which parses to the same comparisons."""
    return " AND ".join(_written(comparison) for comparison in comparisons)


def key_text(kind: Kind, key: str) -> str:
    """A key as people write it: `status`, `metrics.loss`, `params."val loss"`."""
    if kind == "attribute":
        return key
    quoted = key if _PLAIN.fullmatch(key) else '"' + key.replace('"', '""') + '"'
    return f"{kind}s.{quoted}"


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._tokens = list(_tokens(text))
        self._index = 0

    def filter(self) -> tuple[Comparison, ...]:
        if self._here.kind == "end":
            return ()
        found = [self._comparison()]
        while self._here.kind != "end":
            self._word("AND", expected="AND, or the end")
            found.append(self._comparison())
        return tuple(found)

    def order(self) -> Order:
        kind, key = self._key()
        is_descending = False
        if self._here.kind == "word" and self._here.text.upper() in {"ASC", "DESC"}:
            is_descending = self._next().text.upper() == "DESC"
        if self._here.kind != "end":
            raise self._wrong("ASC, DESC, or the end")
        return Order(kind=kind, key=key, is_descending=is_descending)

    @property
    def _here(self) -> _Token:
        return self._tokens[self._index]

    def _next(self) -> _Token:
        token = self._here
        self._index += 1
        return token

    def _comparison(self) -> Comparison:
        kind, key = self._key()
        operator = self._operator(kind, key)
        if operator in {"IS NULL", "IS NOT NULL"}:
            return Comparison(kind=kind, key=key, operator=operator)
        if operator in {"IN", "NOT IN"}:
            return Comparison(kind=kind, key=key, operator=operator, value=self._texts())
        return Comparison(kind=kind, key=key, operator=operator, value=self._value(kind, key, operator))

    def _key(self) -> tuple[Kind, str]:
        token = self._here
        if token.kind not in {"word", "quoted"}:
            raise self._wrong("a key, such as metrics.loss")
        self._index += 1
        if not self._is_sign("."):
            return "attribute", self._attribute(_unquoted(token), token)
        kind = _PREFIXES.get(token.text.lower())
        if kind is None or (kind != "attribute" and kind not in self._vocabulary.kinds):
            known = ", ".join(f"{each}s" for each in ("attribute", *self._vocabulary.kinds))
            raise self._wrong(f"one of {known} before the point", token)
        self._index += 1
        begins = self._here
        name = self._name()
        if kind == "attribute":
            return kind, self._attribute(name, begins)
        if kind == "dataset" and name not in _DATASET_KEYS:
            raise self._wrong(f"one of {', '.join(_DATASET_KEYS)}", begins)
        return kind, name

    def _name(self) -> str:
        """`loss`, `"val loss"` or `model.depth`."""
        parts = []
        while True:
            if self._here.kind not in {"word", "quoted", "number"}:
                raise self._wrong("a name")
            parts.append(_unquoted(self._next()))
            if not self._is_sign("."):
                return ".".join(parts)
            self._index += 1

    def _attribute(self, name: str, token: _Token) -> str:
        found = self._vocabulary.names.get(name, name)
        if found not in self._vocabulary.attributes:
            raise self._wrong(
                f"an attribute ({', '.join(self._vocabulary.attributes)}), or a prefix such as tags.", token
            )
        return found

    def _operator(self, kind: Kind, key: str) -> Operator:
        token = self._here
        words = [token.text.upper()]
        if token.kind == "word":
            following = self._tokens[self._index + 1 : self._index + 3]
            words += [each.text.upper() for each in following if each.kind == "word"]
        candidates = (" ".join(words[:count]) for count in (3, 2, 1))
        allowed = self._operators(kind, key)
        for candidate in candidates:
            for operator in allowed:
                if candidate == operator:
                    self._index += len(operator.split())
                    return operator
        raise self._wrong(f"one of {', '.join(allowed)}")

    def _operators(self, kind: Kind, key: str) -> tuple[Operator, ...]:
        match kind:
            case "metric":
                return _NUMERIC
            case "param" if self._vocabulary.numeric_params:
                return (*_NUMERIC, "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL")
            case "param" | "tag":
                return (*_TEXTUAL, "IS NULL", "IS NOT NULL")
            case "dataset":
                return _TEXTUAL
            case "attribute":
                return _TEXTUAL if self._vocabulary.attributes[key] == "text" else _NUMERIC

    def _value(self, kind: Kind, key: str, operator: Operator) -> str | float:
        token = self._here
        wanted = self._vocabulary.attributes[key] if kind == "attribute" else "number" if kind == "metric" else "text"
        is_text = token.kind in {"text", "quoted"} and not token.text.startswith("`")
        if kind == "param" and self._vocabulary.numeric_params and operator in _NUMERIC:
            fits = is_text or token.kind == "number"
            if is_text and operator not in {"=", "!="}:
                raise self._wrong("a number")
        elif wanted == "time":
            fits = is_text or token.kind == "number"
        else:
            fits = is_text if wanted == "text" else token.kind == "number"
        if not fits:
            raise self._wrong(
                "a number" if wanted == "number" else "a text in quotes" if wanted == "text" else "a time"
            )
        self._index += 1
        return _unquoted(token) if is_text else float(token.text)

    def _texts(self) -> tuple[str, ...]:
        self._sign("(")
        found = []
        while True:
            if self._here.kind not in {"text", "quoted"}:
                raise self._wrong("a text in quotes")
            found.append(_unquoted(self._next()))
            if self._is_sign(")"):
                self._index += 1
                return tuple(found)
            self._sign(",")

    def _is_sign(self, sign: str) -> bool:
        return self._here.kind == "sign" and self._here.text == sign

    def _sign(self, sign: str) -> None:
        if not self._is_sign(sign):
            raise self._wrong(repr(sign))
        self._index += 1

    def _word(self, word: str, *, expected: str) -> None:
        if self._here.kind != "word" or self._here.text.upper() != word:
            raise self._wrong(expected)
        self._index += 1

    def _wrong(self, expected: str, token: _Token | None = None) -> InvalidFilter:
        found = token or self._here
        what = "the text ends" if found.kind == "end" else f"there is {found.text!r}"
        return InvalidFilter(
            f"{self._text!r} cannot be read: at position {found.at + 1} {what}, expected {expected}.", found.at
        )


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    end = len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            begins = position + len(text[position:]) - len(text[position:].lstrip())
            raise InvalidFilter(
                f"{text!r} cannot be read: at position {begins + 1} there is {text[begins : begins + 10]!r}, "
                f"expected a key, an operator or a value. A name with other characters stands in backticks: metrics.`val/loss`.",
                begins,
            )
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        position = found.end()
    yield _Token("end", "", end)


def _unquoted(token: _Token) -> str:
    if token.kind == "text":
        return token.text[1:-1].replace("''", "'")
    if token.kind == "quoted":
        return token.text[1:-1].replace('""', '"') if token.text.startswith('"') else token.text[1:-1]
    return token.text


def _written(comparison: Comparison) -> str:
    key = key_text(comparison.kind, comparison.key)
    match comparison.value:
        case None:
            return f"{key} {comparison.operator}"
        case tuple():
            return f"{key} {comparison.operator} ({', '.join(map(_text, comparison.value))})"
        case str():
            return f"{key} {comparison.operator} {_text(comparison.value)}"
        case _:
            return f"{key} {comparison.operator} {repr(comparison.value).removesuffix('.0')}"


def _text(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
