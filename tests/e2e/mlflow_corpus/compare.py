"""Ask two servers the same, and say where their answers differ: status, code, message, keys and values.

PYTHONPATH=tests python -m e2e.mlflow_corpus.compare http://theirs http://ours
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import httpx

from e2e.mlflow_corpus import logging, registry, tracking
from e2e.mlflow_corpus.case import Case, Difference
from e2e.mlflow_corpus.reasons import REASONS, reason

CASES: tuple[Case, ...] = (
    *tracking.EXPERIMENTS,
    *tracking.RUNS,
    *logging.SINGLES,
    *logging.BATCHES,
    *logging.INPUTS,
    *logging.HISTORIES,
    *logging.ARTIFACTS,
    *tracking.SEARCHES,
    *registry.MODELS,
    *registry.VERSIONS,
    *registry.LOGGED,
    *registry.WEBHOOKS,
    *registry.LAST,
    *tracking.ENDS,
)
_PREFIX = "/api/2.0/mlflow/"
_KEPT = re.compile(r"<(\w+)>")
_NOT_OFFERED = {"workspace", "sqlstate", "error_class"}  # every answer of theirs has them; no client reads them
_OPAQUE = {"next_page_token", "mlflow.modelVersions", "mlflow.log-model.history"}
# Lists whose order nobody promises.
_SETS = {"aliases", "dataset_inputs", "latest_versions", "dataset_summaries", "webhooks"}
_NOW_MS = 1_500_000_000_000  # later instants are the server's own


class Server:
    """One of the two; remembers what its answers named."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._kept: dict[str, str] = {}

    def ask(self, case: Case) -> tuple[int, Any]:
        """Status and normalised answer."""
        path = self._filled(case.path)
        arguments: dict[str, Any] = {}
        if case.params is not None:
            arguments["params"] = self._filled(case.params)
        if case.content is not None:
            arguments["content"] = self._filled(case.content).encode()
            arguments["headers"] = {"Content-Type": case.content_type} if case.content_type else {}
        elif case.json is not None:
            arguments["json"] = self._filled(case.json)
        answer = self._client.request(case.method, path if path[0] == "/" else _PREFIX + path, **arguments)
        try:
            found = answer.json()
        except json.JSONDecodeError:
            found = answer.text
        for name, where in case.keep:
            value = found
            for step in where.split("."):
                value = value[step] if isinstance(value, dict) and step in value else f"no {name}"
            self._kept[name] = str(value)
        return answer.status_code, self._normal(found)

    def _filled(self, said: Any) -> Any:
        """`said` with what was kept instead of its names."""
        match said:
            case str():
                return _KEPT.sub(lambda name: self._kept[name[1]], said)
            case list():
                return [self._filled(one) for one in said]
            case dict():
                return {name: self._filled(value) for name, value in said.items()}
        return said

    def _normal(self, found: Any, name: str = "") -> Any:
        """An answer without what is a server's own: ids, instants, tokens, the order of things that have none."""
        match found:
            case dict() if found.get("key") in _OPAQUE:
                return {"key": found["key"], "value": "..."}
            case dict():
                return {key: self._normal(value, key) for key, value in found.items() if key not in _NOT_OFFERED}
            case list():
                normal = [self._normal(one) for one in found]
                return sorted(normal, key=repr) if self._has_no_order(name, found) else normal
            case str() if name in _OPAQUE:
                return "..."
            case str():
                for known, id_ in self._kept.items():
                    if len(id_) > 8:
                        found = found.replace(id_, f"<{known}>")
                return found
            case int() if found > _NOW_MS:
                return "now"
        return found

    @staticmethod
    def _has_no_order(name: str, found: list[Any]) -> bool:
        """Whether a list is a set: tags, params, newest points of many metrics, but not the history of one."""
        first = found[0] if found else None
        keys = [one.get("key") for one in found if isinstance(one, dict)]
        return isinstance(first, dict) and (name in _SETS or ("key" in first and len(set(keys)) == len(keys)))


def differences(theirs: httpx.Client, ours: httpx.Client) -> Iterator[Difference]:
    """Every difference, explained or not, in the order of the corpus."""
    servers = (Server(theirs), Server(ours))
    for number, case in enumerate(CASES):
        (their_status, their_answer), (our_status, our_answer) = (server.ask(case) for server in servers)
        if their_status != our_status:
            yield Difference(number, case, "status", (their_status, their_answer), (our_status, our_answer))
            continue
        for path, (their_value, our_value) in _parting(their_answer, our_answer):
            what = {"error_code": "code", "message": "message"}.get(path, "value")
            yield Difference(number, case, what, (path, their_value), (path, our_value))


def _parting(theirs: Any, ours: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Where two answers part, as deep as can be said; what is not there is `absent`."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(set(theirs) | set(ours)):
            below = f"{path}.{name}" if path else name
            yield from _parting(theirs.get(name, "absent"), ours.get(name, "absent"), below)
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (their_one, our_one) in enumerate(zip(theirs, ours, strict=True)):
            yield from _parting(their_one, our_one, f"{path}[{index}]")
    elif theirs != ours:
        yield path, (theirs, ours)


def text(one: Difference) -> str:
    """A difference to be read."""
    said = json.dumps(one.case.json or one.case.params or one.case.content)[:300]
    return f"{one.number} {one.what}: {one.case.method} {one.case.path} {said}\n  theirs {str(one.theirs)[:330]}\n  ours   {str(one.ours)[:330]}"


def main() -> None:
    with (
        httpx.Client(base_url=sys.argv[1], timeout=60) as theirs,
        httpx.Client(base_url=sys.argv[2], timeout=60) as ours,
    ):
        found = list(differences(theirs, ours))
    unexplained = [one for one in found if reason(one) is None]
    used = {reason(one) for one in found}
    lines = [text(one) for one in unexplained]
    lines += [f"explains nothing: {known}" for known in REASONS if known not in used]
    lines.append(f"{len(CASES)} cases, {len(found)} differences, {len(unexplained)} of them not explained\n")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
