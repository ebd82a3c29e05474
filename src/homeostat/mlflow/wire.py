"""What travels: requests as typed structs, answers as JSON, errors as clients expect them.

Clients match some texts of errors, so those read as MLflow's server writes them.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from homeostat.core.errors import (
    AlreadyExists,
    HomeostatError,
    NotAllowed,
    NotFound,
    Overloaded,
    ResourceError,
    UserError,
)

INVALID = "INVALID_PARAMETER_VALUE"
ABSENT = "RESOURCE_DOES_NOT_EXIST"
CONFLICT = "RESOURCE_ALREADY_EXISTS"
_STATUSES = {
    "BAD_REQUEST": 400,
    INVALID: 400,
    "INVALID_STATE": 500,  # as MLflow has it
    CONFLICT: 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    ABSENT: 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
}
# The first class that fits decides; what is not listed is the server's own fault.
_CODES: tuple[tuple[type[HomeostatError], str], ...] = (
    (NotFound, ABSENT),
    (AlreadyExists, CONFLICT),
    (NotAllowed, "PERMISSION_DENIED"),
    (UserError, INVALID),
    (Overloaded, "REQUEST_LIMIT_EXCEEDED"),
    (ResourceError, "TEMPORARILY_UNAVAILABLE"),
)
SEE = " See the API docs for more information about request parameters."
_WHERE = re.compile(r"at `\$\.?([^`]*)`")
_STEP = re.compile(r"\w+|\[(?:\d+|\.\.\.)\]")
# 64 bits, as the database has them; an instant in milliseconds must fit them in microseconds too.
Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Millis = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]
LARGEST = 1.7976931348623157e308  # infinity, as it is stored


class Fault(UserError):
    """A refusal with MLflow's own code."""

    def __init__(self, message: str, error_code: str = INVALID) -> None:
        super().__init__(message)
        self.error_code = error_code

    def __reduce__(self) -> tuple[type["Fault"], tuple[str, str]]:
        return (type(self), (self.message, self.error_code))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Base of requests. `required`: parameters that must be there and not be empty, in the order they are looked at."""

    required: ClassVar[tuple[str, ...]] = ()


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A tag or param. An absent key is told from an empty one."""

    key: str | None = None
    value: str = ""


_Asked = TypeVar("_Asked", bound=Asked)


def body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises: Fault if it is none.
    """
    if not raw.strip():
        return {}
    try:
        found = decoded(raw)
        if isinstance(found, str):  # old clients encode twice
            found = decoded(found)
    except ValueError as error:
        raise Fault(f"The body is not JSON: {error}.", "BAD_REQUEST") from None
    if not isinstance(found, dict):
        raise Fault("The body is not a JSON object.", "BAD_REQUEST")
    return found


def decoded(text: str | bytes) -> Any:
    """JSON of a client. Raises: ValueError if it is none, or so deep that nobody means it."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def entries(text: str) -> list[Any]:
    """A JSON list that is kept in a tag; clients may write the tag too, so what is none is an empty one."""
    try:
        found = decoded(text)
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def address(text: str) -> SplitResult:
    """A URL in its parts. Raises: Fault if it is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # read when asked for only
    except ValueError as error:
        raise Fault(f"Invalid URL: {text[:200]!r} ({error}).") from None
    return parts


def check_json(content_type: str) -> None:
    """Raises: Fault if a body of this type is not read."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Fault(
            "Bad Request. Content-Type must be one of ['application/json']."
            if content_type
            else "Bad Request. Content-Type header is missing.",
        )


def quick(kind: type[_Asked], raw: bytes) -> _Asked | None:
    """A JSON body as a struct in one go; None if anything about it is unusual: `body` and `read` say what then."""
    try:
        asked = msgspec.json.decode(raw, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if any(getattr(asked, name) in ("", None, ()) for name in kind.required) else asked


def query(kind: type[Asked], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The query of a request; a parameter that may be said several times is a list."""
    lists = {
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if isinstance(msgspec.inspect.type_info(field.type), msgspec.inspect.VarTupleType)
    }
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def read(kind: type[_Asked], said: Mapping[str, Any]) -> _Asked:
    """A request as a struct; fields it does not know are left out.

    Raises: Fault naming the first parameter that is missing or of another type.
    """
    given = {name: value for name, value in said.items() if value is not None}
    if "run_uuid" in given:
        given.setdefault("run_id", given["run_uuid"])
    try:
        asked = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _mistyped(kind, given, str(error)) from None
    for name in kind.required:
        if getattr(asked, name) in ("", None, ()):
            raise Fault(missing(name) + SEE)
    return asked


def missing(path: str) -> str:
    return f"Missing value for required parameter '{path}'."


def invalid(path: str, value: Any, why: str = "") -> str:
    shown = msgspec.json.encode(value).decode()
    return f"Invalid value {shown} for parameter '{path}' supplied" + (f": {why}" if why else ".")


def _mistyped(kind: type[Asked], given: Mapping[str, Any], error: str) -> Fault:
    """What is wrong with the first parameter that does not fit; missing ones come before."""
    found = _WHERE.search(error)
    steps = _STEP.findall(found[1]) if found else []
    if not steps:
        return Fault(f"The request cannot be read: {error}", "BAD_REQUEST")
    name = steps[0]
    for required in kind.required:
        if required == name:
            break
        if given.get(required) in (None, ""):
            return Fault(missing(required) + SEE)
    value = given.get(name)
    return Fault(invalid(name, value, f" Hint: Value was of type '{type(value).__name__}'.") + SEE)


def answer(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(value)


def present(**fields: Any) -> dict[str, Any]:
    """An answer's fields: those that are set. Empty lists and None are not sent."""
    return {name: value for name, value in fields.items() if value is not None and value not in ([], {})}


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def number(value: float) -> float | str:
    """A metric as JSON can say it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def millis(at: int | None) -> int | None:
    """Microseconds as the milliseconds of this protocol."""
    return None if at is None else at // 1000


def error(found: HomeostatError) -> tuple[int, bytes]:
    """Status and body of an error."""
    code = found.error_code if isinstance(found, Fault) else code_of(found)
    return _STATUSES.get(code, 500), answer({"error_code": code, "message": found.message})


def code_of(found: HomeostatError) -> str:
    return next((code for kind, code in _CODES if isinstance(found, kind)), "INTERNAL_ERROR")
