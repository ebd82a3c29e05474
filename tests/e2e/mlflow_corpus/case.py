"""One request of the corpus, and how it is written down."""

from typing import Any, NamedTuple


class Case(NamedTuple):
    """A request that both servers are asked.

    Attributes:
        path: behind `/api/2.0/mlflow/`, or a whole one. `<name>` in it, and in every text below, is what was kept as `name`.
        json: the body; `content` is one that is sent as it stands.
        keep: name -> where in the answer it is, such as `run.info.run_id`.
    """

    method: str
    path: str
    json: Any = None
    params: Any = None
    content: str | None = None
    content_type: str = "application/json"
    keep: tuple[tuple[str, str], ...] = ()


class Difference(NamedTuple):
    """Where two answers part. `what` is `status`, `code`, `message` or `value`."""

    number: int
    case: Case
    what: str
    theirs: Any
    ours: Any


def get(path: str, params: Any = None, **keep: str) -> Case:
    return Case("GET", path, params=params or {}, keep=tuple(keep.items()))


def post(path: str, json: Any = None, **keep: str) -> Case:
    return Case("POST", path, json={} if json is None else json, keep=tuple(keep.items()))


def patch(path: str, json: Any = None, **keep: str) -> Case:
    return Case("PATCH", path, json={} if json is None else json, keep=tuple(keep.items()))


def delete(path: str, json: Any = None) -> Case:
    return Case("DELETE", path, json={} if json is None else json)


def put(path: str, content: str) -> Case:
    """A file sent through the proxy."""
    return Case("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=content, content_type="")


def fetch(path: str) -> Case:
    """A file fetched through the proxy."""
    return get(f"/api/2.0/mlflow-artifacts/artifacts/{path}")


def raw(path: str, content: str, content_type: str = "application/json") -> Case:
    """A body that is sent as it stands."""
    return Case("POST", path, content=content, content_type=content_type)
