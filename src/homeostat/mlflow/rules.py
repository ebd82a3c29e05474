"""What may be said: names, lengths and numbers of things, as MLflow's server holds them. Pure."""

import math
import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from homeostat.mlflow.wire import ABSENT, LARGEST, Fault, Pair, invalid, missing

MOST_KEY = 250
MOST_PARAM = 6000
MOST_TAG = 8000
MOST_EXPERIMENT_NAME = 500
MOST_EXPERIMENT_TAG = 20_000
MOST_REGISTRY_TAG = 100_000
MOST_ALIAS = 255
MOST_LOCATION = 2048
MOST_BATCH = {"metrics": 1000, "params": 100, "tags": 100}
MOST_IN_BATCH = 1000
MOST_BATCH_BYTES = 1_000_000
_LARGEST_ID = (1 << 63) - 1  # of a number in the database
MOST_EXPERIMENTS = 10_000  # values that databases take in one statement
_MOST_DIGITS = 400
MOST_ARTIFACT = 1024  # characters of a path
STAGES = ("None", "Staging", "Production", "Archived")
ACTIVE_STAGES = ("Staging", "Production")
_NAME = re.compile(r"[/\w.\- :]*")
_ALIAS = re.compile(r"[\w\-]*")
_VERSION_ALIAS = re.compile(r"[vV]\d+")
_CHARACTERS = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
_NOT_LOGGED = ("/", ":", ".", "%", '"', "'")
_DATASET = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}


def check_key(key: str | None, path: str) -> str:
    """A key of a metric, param or tag: it may be taken for a path, and must not lead elsewhere."""
    key = key or ""
    if not _NAME.fullmatch(key):
        raise Fault(invalid(path, key, _CHARACTERS))
    _check_path(key, path)
    return key


def _check_path(name: str, path: str) -> None:
    norm = posixpath.normpath(name)
    if norm != name or norm == "." or norm.startswith(("..", "/")):
        raise Fault(
            invalid(
                path,
                name,
                "Names may be treated as files in certain cases, and must not resolve to other names when treated as such."
                f" This name would resolve to {norm!r}",
            )
        )


def check_length(what: str, limit: int, value: str) -> str:
    if len(value) > limit:
        raise Fault(f"'{what}' exceeds the maximum length of {limit} characters")
    return value


def param(one: Pair, path: str = "") -> tuple[str, str]:
    """Key and value of a param; a long value is cut."""
    key = check_key(one.key, _join(path, "key"))
    return check_length("Param key", MOST_KEY, key), one.value[:MOST_PARAM]


def tag(one: Pair, path: str = "") -> tuple[str, str]:
    """Key and value of a tag of a run; a long value is cut."""
    key = check_key(one.key, _join(path, "key"))
    return check_length(_join(path, "key"), MOST_KEY, key), one.value[:MOST_TAG]


def experiment_tag(one: Pair) -> tuple[str, str]:
    key = check_length("key", MOST_KEY, check_key(one.key, "key"))
    return key, check_length("value", MOST_EXPERIMENT_TAG, one.value)


def registry_tag(one: Pair) -> tuple[str, str]:
    key = check_length("key", MOST_KEY, check_key(one.key, "key"))
    return key, check_length("value", MOST_REGISTRY_TAG, one.value)


def check_metric(key: str | None, value: float, timestamp: int, path: str = "") -> float:
    """The value as it is stored: infinities as the largest numbers.

    Raises: Fault as MLflow words it.
    """
    check_key(key, _join(path, "name"))
    if timestamp < 0:
        why = f"metric '{key}' (value={value}). Timestamp must be a nonnegative long (64-bit integer) "
        raise Fault(invalid(_join(path, "timestamp"), timestamp, why))
    check_length("Metric name", MOST_KEY, str(key))
    return math.copysign(LARGEST, value) if math.isinf(value) else value


def check_batch(counts: dict[str, int]) -> None:
    """Whether a batch has too much in it."""
    for name, limit in MOST_BATCH.items():
        _check_count(name, limit, counts[name])
    _check_count("metrics, params, and tags", MOST_IN_BATCH, sum(counts.values()))


def _check_count(name: str, limit: int, count: int) -> None:
    if count > limit:
        raise Fault(
            f"A batch logging request can contain at most {limit} {name}. Got {count} {name}. Please split up {name} "
            "across multiple requests and try again."
        )


def check_batch_bytes(size_bytes: int) -> None:
    if size_bytes > MOST_BATCH_BYTES:
        raise Fault(
            f"Batched logging API requests must be at most {MOST_BATCH_BYTES} bytes, got a request of size {size_bytes}."
        )


def check_unique(params: Sequence[tuple[str, str]]) -> None:
    """Params of one request have different keys."""
    counts = Counter(key for key, _ in params)
    repeated = [key for key, count in counts.items() if count > 1]
    if repeated:
        raise Fault(
            f"Duplicate parameter keys have been submitted: {repeated}. Please ensure the request contains only one param "
            "value per param key."
        )


def experiment_number(text: str) -> int:
    """The number of an experiment.

    Raises: Fault if it is none, or larger than any there can be.
    """
    number = _whole(text)
    if number is None:
        raise Fault(f"Invalid experiment ID '{text}'. Experiment ID must be a valid integer.")
    if abs(number) > _LARGEST_ID:
        raise Fault(f"No Experiment with id={text} exists", ABSENT)
    return number


def experiment_numbers(texts: Sequence[str]) -> list[int]:
    """The experiments of one search. Raises: Fault as `experiment_number`, or if they are too many."""
    if len(texts) > MOST_EXPERIMENTS:
        raise Fault(f"One search is over at most {MOST_EXPERIMENTS} experiments, got {len(texts)}. Search in parts.")
    return [experiment_number(text) for text in texts]


def check_location(location: str) -> None:
    """Where an experiment's artifacts lie. We never follow it; clients do."""
    if location.startswith("runs:"):
        raise Fault(f"Artifact location cannot be a runs:/ URI. Given: '{location}'")
    if len(location) > MOST_LOCATION:
        raise Fault(
            f"Invalid artifact path length. The length of the artifact path cannot be greater than {MOST_LOCATION} characters."
        )
    plain = fully_unquoted(location)
    if "#" in plain or "\x00" in plain:
        raise Fault("'artifact_location' URL can't include fragments or params.")
    if "?" in plain or ".." in plain.split("/"):
        raise Fault(invalid("artifact_location", location, "it must have no query and no '..' in its path."))


def check_results(value: int, most: int) -> None:
    """`max_results` of a search."""
    if value < 1:
        raise Fault(f"Invalid value {value} for parameter 'max_results' supplied. It must be a positive integer")
    if value > most:
        raise Fault(f"Invalid value {value} for parameter 'max_results' supplied. It must be at most {most}")


def check_model_name(name: str, path: str = "name") -> str:
    """The name of a registered model."""
    if not name.strip():
        raise Fault(missing(path))
    if any(sign in name for sign in ("/", ":")):
        raise Fault(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    _check_path(name, "name")
    return check_length(path, 256, name)


def version_number(text: str) -> int:
    number = _whole(text)
    if number is None:
        raise Fault(f"Parameter 'version' must be an integer, got '{text}'.")
    if abs(number) > _LARGEST_ID:
        raise Fault(f"There is no version {text}.", ABSENT)
    return number


def check_alias(alias: str, *, is_new: bool) -> str:
    """An alias; new ones must not be reserved."""
    if not alias:
        raise Fault("Registered model alias name cannot be empty.")
    if not _ALIAS.fullmatch(alias):
        raise Fault(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    check_length("Registered model alias name", MOST_ALIAS, alias)
    if is_new and alias.lower() == "latest":
        raise Fault("'latest' alias name (case insensitive) is reserved.")
    if is_new and _VERSION_ALIAS.fullmatch(alias):
        raise Fault(f"Version alias name '{alias}' is reserved.")
    return alias


def stage(text: str) -> str:
    """A stage, in its own spelling."""
    found = next((known for known in STAGES if known.lower() == text.lower()), None)
    if found is None:
        raise Fault(f"Invalid Model Version stage: {text}. Value must be one of {', '.join(STAGES)}.")
    return found


def check_logged_name(name: str) -> None:
    if any(sign in name for sign in _NOT_LOGGED):
        raise Fault(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the following "
            f"characters: {_NOT_LOGGED}"
        )


def check_dataset(dataset: Any) -> None:
    """A dataset that a run used; its attributes are those of the request."""
    for name in ("name", "digest", "source_type", "source"):
        if getattr(dataset, name) is None:
            raise Fault(f"Dataset {name} cannot be None")
    for name, limit in _DATASET.items():
        check_length(name, limit, getattr(dataset, name) or "")


def fully_unquoted(text: str) -> str:
    """`text` with every layer of percent-encoding taken off."""
    while (plain := unquote(text)) != text:
        text = plain
    return text


def artifact_path(text: str) -> str:
    """A path below the root of a run's or model's artifacts, settled once: no `..`, no root, no drive, nothing hidden.

    Raises: Fault if it could lead anywhere else.
    """
    plain = fully_unquoted(text)
    parts = plain.split("/")
    is_bad = (
        any(ord(sign) < 32 or sign in "\\#?" for sign in plain)
        or plain.startswith("/")
        or any(part == ".." for part in parts)
        or re.match(r"[A-Za-z]:", plain) is not None
        or "://" in plain
        or plain.lower().startswith("file:")
    )
    if is_bad:
        raise Fault("Invalid path")
    settled = "/".join(part for part in parts if part not in {"", "."})
    return check_length("path", MOST_ARTIFACT, settled)


def _whole(text: str) -> int | None:
    """A whole number, as Python reads it; None for anything else, and for one so long that it is no number of anything."""
    try:
        return int(text) if len(text) <= _MOST_DIGITS else None
    except ValueError:
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
