import pytest

from homeostat.core.errors import UserError
from homeostat.mlflow.rules import artifact_path, check_location
from homeostat.store.objects import FileObjects
from unit.mlflow.conftest import Door


def test_a_file_goes_to_the_object_store_and_comes_back(door: Door) -> None:
    """A path is a name for content, which lies under its digest."""
    run_id = door.run()

    put = door.put(f"0/{run_id}/artifacts/a b/c.txt", b"content")

    assert (200, b"content") == (put.status_code, door.get(f"0/{run_id}/artifacts/a b/c.txt").content)
    assert 1 == len(list(door.rooms.objects.digests()))


def test_folders_are_listed_below_the_run(door: Door) -> None:
    """A listing of a run has paths from its root; one of the proxy has base names."""
    run_id = door.run()
    door.put(f"0/{run_id}/artifacts/tree/one.txt", b"1")
    door.put(f"0/{run_id}/artifacts/tree/deep/two.txt", b"22")

    found = door.ok("GET", "artifacts/list", {"run_id": run_id, "path": "tree"})
    proxied = door.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts?path=0/{run_id}/artifacts/tree").json()

    assert [
        {"path": "tree/deep", "is_dir": True},
        {"path": "tree/one.txt", "is_dir": False, "file_size": 1},
    ] == found["files"]
    assert ["deep", "one.txt"] == [file["path"] for file in proxied["files"]]


def test_a_folder_can_be_taken_away(door: Door) -> None:
    """Deleting a folder deletes what is in it, and nothing beside it."""
    run_id = door.run()
    for name in ("tree/a", "tree/b", "tree.txt"):
        door.put(f"0/{run_id}/artifacts/{name}", b"x")

    door.ask("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/tree")

    found = door.ok("GET", "artifacts/list", {"run_id": run_id})
    assert ["tree.txt"] == [file["path"] for file in found["files"]]


def test_what_is_not_there_is_not_found(door: Door) -> None:
    """Clients try a path and rely on a 404 in JSON."""
    answer = door.get(f"0/{door.run()}/artifacts/none")

    assert (404, "RESOURCE_DOES_NOT_EXIST") == (answer.status_code, answer.json()["error_code"])


def test_a_damaged_file_is_not_given_out(door: Door) -> None:
    """Bytes that are not what was logged are refused."""
    run_id = door.run()
    door.put(f"0/{run_id}/artifacts/a", b"content")
    store: FileObjects = door.rooms.objects
    path = store.path(next(iter(store.digests())))
    path.chmod(0o644)
    path.write_bytes(b"contenT")

    assert 500 == door.get(f"0/{run_id}/artifacts/a").status_code


def test_pages_among_artifacts_stay_files(door: Door) -> None:
    """HTML that somebody logged never runs as a page of the server."""
    run_id = door.run()
    door.put(f"0/{run_id}/artifacts/x.html", b"<script>alert(1)</script>")

    answer = door.ask("GET", f"/get-artifact?run_id={run_id}&path=x.html")

    assert ("attachment", "text/plain; charset=utf-8") == (
        answer.headers["content-disposition"],
        answer.headers["content-type"],
    )


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "a/../../b",
        "/etc/passwd",
        "%2e%2e/%2e%2e/etc",
        "%252e%252e/x",
        "a\\..\\b",
        "C:/windows",
        "file:///etc/passwd",
        "a\x00b",
        "a#b",
        "a?b",
        "http://elsewhere/x",
    ],
)
def test_a_path_leads_nowhere_else(path: str) -> None:
    """Traversal, roots, drives, schemes, fragments and control characters, however often encoded."""
    with pytest.raises(UserError, match="Invalid path"):
        artifact_path(path)


@pytest.mark.parametrize("path", ["9/no-such-run/artifacts/x", "x", "0", "0/%2e%2e/artifacts/x"])
def test_files_lie_inside_a_run_or_model(door: Door, path: str) -> None:
    """Nothing can be put beside what there is."""
    assert door.put(path, b"x").status_code in {400, 404}
    assert [] == list(door.rooms.objects.digests())


@pytest.mark.parametrize("location", ["runs:/a", "s3://b/../c", "s3://b/c#d", "http://x/%2e%2e/y", "s3://b/c?d=e"])
def test_a_location_hides_nothing(location: str) -> None:
    """A fragment, a query or `..` in the root of artifacts would move every path below it."""
    with pytest.raises(UserError):
        check_location(location)
