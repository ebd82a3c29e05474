import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.capture import code
from homeostat.capture.code import Difference, File, Tree, diff, files, materialise, read_tree, snapshot
from homeostat.core.digests import Digest, canonical_json, digest_bytes
from homeostat.core.errors import CorruptObject, NotFound
from homeostat.store.objects import FileObjects


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project without Git."""
    root = tmp_path / "project"
    (root / "flights").mkdir(parents=True)
    (root / "homeostat.toml").write_text('name = "flights"\n')
    (root / "flights" / "features.py").write_text("A = 1\n")
    return root


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def test_a_tree_is_the_files_and_their_content(project: Path, objects: FileObjects) -> None:
    """Path -> digest of the content, with / on every machine."""
    expected = {"flights/features.py": digest_bytes(b"A = 1\n"), "homeostat.toml": digest_bytes(b'name = "flights"\n')}

    assert expected == files(snapshot(project, objects), objects)


def test_equal_files_are_an_equal_tree_with_and_without_git(project: Path, objects: FileObjects) -> None:
    """Whether somebody ran `git init` is no property of the code."""
    before = snapshot(project, objects)
    git(project, "init")

    assert before == snapshot(project, objects)


@pytest.mark.parametrize("with_git", [True, False])
def test_every_edit_is_seen_at_once(project: Path, objects: FileObjects, *, with_git: bool) -> None:
    """Also one of the same length within the same tick of the file system's clock."""
    if with_git:
        git(project, "init")
    source = project / "flights" / "features.py"
    seen = set()
    for number in range(10):
        source.write_text(f"A = {number}\n")
        os.utime(source, ns=(0, 0))
        seen.add(snapshot(project, objects))

    assert 10 == len(seen)


def test_the_working_tree_counts_not_the_commit(project: Path, objects: FileObjects) -> None:
    """Edited, untracked and deleted files are taken as they are; ignored ones are not; the index stays untouched."""
    (project / ".gitignore").write_text("*.log\n")
    (project / "gone.py").write_text("")
    git(project, "init")
    git(project, "add", ".")
    git(project, "commit", "-m", "first")
    (project / "flights" / "features.py").write_text("A = 2\n")
    (project / "new.py").write_text("")
    (project / "noise.log").write_text("")
    (project / "gone.py").unlink()
    index = (project / ".git" / "index").read_bytes()

    found = files(snapshot(project, objects), objects)

    assert [".gitignore", "flights/features.py", "homeostat.toml", "new.py"] == sorted(found)
    assert digest_bytes(b"A = 2\n") == found["flights/features.py"]
    assert index == (project / ".git" / "index").read_bytes()


def test_a_folder_of_a_repository_is_a_project_of_its_own(project: Path, objects: FileObjects) -> None:
    """Only what lies in the folder counts, by paths below it."""
    git(project, "init")

    assert ["features.py"] == list(files(snapshot(project / "flights", objects), objects))


def test_a_project_that_its_repository_ignores_has_code_all_the_same(project: Path, objects: FileObjects) -> None:
    """A project made inside an ignored folder is not empty."""
    (project / ".gitignore").write_text("flights\n")
    git(project, "init")

    assert ["features.py"] == list(files(snapshot(project / "flights", objects), objects))


def test_the_variables_of_a_git_hook_do_not_mislead(
    project: Path, objects: FileObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside a hook GIT_DIR names another repository than the one we ask about."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    git(project, "init")
    expected = snapshot(project, objects)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))

    assert expected == snapshot(project, objects)


def test_a_machine_without_git_walks(project: Path, objects: FileObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git is a convenience."""
    git(project, "init")
    expected = snapshot(project, objects)
    monkeypatch.setenv("PATH", "")

    assert expected == snapshot(project, objects)


@pytest.mark.parametrize(
    "path",
    [
        "env/pyvenv.cfg",
        "flights/__pycache__/features.cpython-311.pyc",
        ".homeostat/homeostat.db",
        ".env",
        "node_modules/a.js",
    ],
)
def test_what_is_no_code_is_left_out(project: Path, objects: FileObjects, path: str) -> None:
    """Environments, caches, our own store, and hidden files: secrets lie in `.env`."""
    before = snapshot(project, objects)
    (project / path).parent.mkdir(exist_ok=True)
    (project / path).write_text("secret")

    assert before == snapshot(project, objects)


def test_our_store_is_never_code(project: Path, objects: FileObjects) -> None:
    """Also where Git does not ignore it."""
    git(project, "init")
    before = snapshot(project, objects)
    (project / ".homeostat").mkdir()
    (project / ".homeostat" / "homeostat.db").write_text("")

    assert before == snapshot(project, objects)


def test_what_is_skipped_is_named(project: Path, objects: FileObjects, tmp_path: Path) -> None:
    """Data, links that lead out and names that are no text are not taken, and nobody has to guess why they are missing."""
    (tmp_path / "secret").write_text("")
    (project / "outside").symlink_to(tmp_path / "secret")
    (project / "data.csv").write_bytes(bytes(code.MAX_SIZE_BYTES + 1))
    (project / "generated.py").write_bytes(b"#" * (code.MAX_SIZE_BYTES + 1))
    (project / os.fsdecode(b"\xff.txt")).write_text("")

    tree = read_tree(snapshot(project, objects), objects)

    assert ("data.csv", "outside", "\\udcff.txt") == tree.skipped
    assert "generated.py" in tree.files


def test_links_inside_are_what_they_lead_to(project: Path, objects: FileObjects) -> None:
    """A link to a file is that file; one to a folder is skipped, one to nothing is nothing."""
    (project / "link.py").symlink_to("flights/features.py")
    (project / "dangling").symlink_to("nowhere")
    (project / "folder").symlink_to("flights")

    tree = read_tree(snapshot(project, objects), objects)

    assert tree.files["flights/features.py"] == tree.files["link.py"]
    assert (3, ("folder",)) == (len(tree.files), tree.skipped)


def test_no_directory_no_code(tmp_path: Path, objects: FileObjects) -> None:
    """A wrong root is not an empty project."""
    with pytest.raises(NotFound, match="nowhere is not a directory"):
        snapshot(tmp_path / "nowhere", objects)


def test_a_tree_written_out_is_the_same_tree(project: Path, objects: FileObjects, tmp_path: Path) -> None:
    """Content and executable bits survive."""
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    (project / "empty.py").touch()
    tree = snapshot(project, objects)

    written = materialise(tree, objects, tmp_path / "trees")

    assert tmp_path / "trees" / tree == written
    assert tree == snapshot(written, objects)
    assert {"run.sh"} == {path.name for path in written.iterdir() if path.is_file() and os.access(path, os.X_OK)}


def test_an_empty_tree_is_an_empty_folder(tmp_path: Path, objects: FileObjects) -> None:
    """A project may begin with nothing."""
    root = tmp_path / "empty"
    root.mkdir()

    assert [] == list(materialise(snapshot(root, objects), objects, tmp_path / "trees").iterdir())


def test_many_may_write_a_tree_out_at_once(project: Path, objects: FileObjects, tmp_path: Path) -> None:
    """All get the one folder, and nothing else is left."""
    tree = snapshot(project, objects)
    with ThreadPoolExecutor(8) as pool:
        written = set(pool.map(lambda _: materialise(tree, objects, tmp_path / "trees"), range(8)))

    assert {tmp_path / "trees" / tree} == written == set((tmp_path / "trees").iterdir())


def test_an_interrupted_writing_leaves_nothing(project: Path, objects: FileObjects, tmp_path: Path) -> None:
    """The folder appears whole or not at all."""
    tree = snapshot(project, objects)
    objects.path(digest_bytes(b"A = 1\n")).unlink()
    (tmp_path / "trees").mkdir()

    with pytest.raises(NotFound):
        materialise(tree, objects, tmp_path / "trees")

    assert [] == list((tmp_path / "trees").iterdir())


@pytest.mark.parametrize("path", ["../evil.py", "/etc/evil", "a/../../evil", "", "a//b", "./a", "..", "a\\..\\b"])
def test_a_path_that_leads_out_is_refused(objects: FileObjects, tmp_path: Path, path: str) -> None:
    """A tree made by somebody else writes nothing outside its folder."""
    tree = objects.put(canonical_json(Tree(files={path: File(objects.put(b"evil"))})))

    with pytest.raises(CorruptObject, match="leads out of it"):
        materialise(tree, objects, tmp_path / "trees")

    assert [] == [entry for entry in tmp_path.iterdir() if entry.name != "objects"]


def test_other_objects_are_no_tree(objects: FileObjects) -> None:
    """A digest given by mistake."""
    with pytest.raises(CorruptObject, match="not a code tree"):
        files(objects.put(b"{}"), objects)


contents = st.dictionaries(st.sampled_from(["a.py", "b.py", "c/d.py"]), st.sampled_from([b"1", b"2"]))


@given(before=contents, after=contents)
def test_a_difference_leads_from_one_tree_to_the_other(
    before: dict[str, bytes], after: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Take away what was removed, write what was added or changed: it is the other tree."""
    objects = FileObjects(tmp_path_factory.getbasetemp() / "shared")

    found = diff(_tree(before, objects), _tree(after, objects), objects)

    patched = {path: content for path, content in before.items() if path not in found.removed}
    patched |= {path: after[path] for path in (*found.added, *found.changed)}
    assert after == patched
    assert (before == after) == (Difference(added=(), removed=(), changed=()) == found)


def _tree(content: dict[str, bytes], objects: FileObjects) -> Digest:
    return objects.put(canonical_json(Tree(files={path: File(digest_bytes(data)) for path, data in content.items()})))
