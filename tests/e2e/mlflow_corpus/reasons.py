"""Why some answers are not alike. docs/mlflow.md has them in words, under the same names."""

import re
from typing import NamedTuple

from e2e.mlflow_corpus.case import Difference


class Reason(NamedTuple):
    """What it explains: every pattern must be found.

    Attributes:
        name: as the table in docs/mlflow.md has it.
        what: kinds of differences, of `status`, `code`, `message`, `value`.
        path: in method and path of the case.
        theirs, ours: in what the servers said.
    """

    name: str
    what: str
    path: str = ""
    theirs: str = ""
    ours: str = ""


_SEARCH = r"/search"
_PARAMETERS = "view_type|status|tags|step|value|metrics|max_results|allow_deleted|timestamp|start_time"
_UNREADABLE = (
    rf"for parameter \\?'({_PARAMETERS})\\?'|'(run_name|name)' exceeds|Names may |Dataset .*cannot be None"
    "|The body is not JSON|max_results must be|Missing value for required parameter|at most 1000000 bytes"
)
REASONS = (
    Reason("never 500", "status", theirs=r"^\(500,", ours=r"^\(40[04],"),
    Reason("method", "status", theirs=r"^\(405,", ours="ENDPOINT_NOT_FOUND"),
    Reason("pages of HTML", "value", theirs="<!doctype html>"),
    Reason("SQL in texts", "message", theirs="sqlite3|sqlalche"),
    Reason("SQL in texts", "code", "POST experiments/update", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS"),
    Reason("malformed JSON", "code", "POST experiments/create", "INVALID_PARAMETER_VALUE", "BAD_REQUEST"),
    Reason("malformed JSON", "message", ours="The body is not JSON"),
    Reason("what cannot be read", "status", theirs=r"^\((200|404),", ours=rf"^\(400, .*({_UNREADABLE})"),
    Reason("texts about filters", "message", _SEARCH, ours="cannot be (read|answered)|are ordered by"),
    Reason("page tokens", "message", theirs="page token", ours="page token"),
    Reason("who made it", "value", theirs=r"user_id', 'absent'"),
    Reason("empty texts", "value", theirs=r"description', ''", ours="absent"),
    Reason("empty files", "value", theirs=r"file_size', 'absent'", ours=r"file_size', 0"),
    Reason("empty answers", "value", "PUT /api/2.0/mlflow-artifacts", "'', ''", "'', {}"),
    Reason("aliases in lists", "value", theirs=r"aliases', 'absent'"),
    Reason("model of a version", "value", "POST model-versions/create", "model_id', 'absent'"),
    Reason("texts about limits", "message", theirs="2048 characters", ours="2048 characters"),
    Reason("texts about limits", "message", theirs="Hint: Value was", ours="at most"),
    Reason("order of sets", "message", "runs/log-model", "mandatory fields", "mandatory fields"),
    Reason("no experiment", "status", "POST runs/create", "FOREIGN KEY", r"^\(200"),
    Reason("history of no run", "status", "GET metrics/get-history", r"^\(200, {}", r"^\(404, .*Run with id"),
    Reason("points of many steps", "value", "get-history-bulk-interval", ours="metrics"),
    Reason("names of files", "message", theirs="No such artifact", ours="No such artifact"),
    Reason("outside of runs", "status", "PUT /api/2.0/mlflow-artifacts", r"^\(200", "Nothing can be at"),
    Reason("empty ids", "message", "/get-artifact", "id=None", "id= not found"),
    Reason("filters here", "value", "/search", "'absent'", r"\('(runs|models)', \["),
    Reason(
        "filters here", "status", "POST runs/search", r"^\(400, .*(Expected a quoted|Could not be parsed)", r"^\(200"
    ),
    Reason("filters here", "status", "POST runs/search", r"^\(200", r"(artifact_uri LIKE|the text ends)"),
    Reason("sources", "message", "POST model-versions/create", ours="Invalid model version source"),
    Reason("sources", "status", "POST model-versions/create", r"^\(400, .*(must identify|must match)", r"^\((200|404)"),
    Reason("sources", "status", "POST model-versions/create", r"^\(200, .*#x", r"^\(400"),
    Reason("sources", "status", "POST experiments/create", r"^\(200", r"^\(400, .*no query and no"),
    Reason("order of checks", "message", "GET model-versions/get-download-uri", "must be an integer", "Missing value"),
    Reason("id in path and body", "status", "(PATCH|POST) logged-models/", "parameter 'model_id'|parameter ..model_id"),
    Reason("id in path and body", "message", "PATCH logged-models/", "parameter 'model_id'"),
    Reason("texts about webhooks", "message", "webhooks", theirs="[Ww]ebhook|action"),
    Reason("models that a run read", "value", "runs/search", r"model_inputs', 'absent'"),
    Reason("server info", "value", "/server-info"),
)


def reason(one: Difference) -> Reason | None:
    """The first that explains a difference."""
    where = f"{one.case.method} {one.case.path}"
    for known in REASONS:
        found = re.search(known.path, where) and re.search(known.theirs, str(one.theirs), re.DOTALL)
        if one.what == known.what and found and re.search(known.ours, str(one.ours), re.DOTALL):
            return known
    return None
