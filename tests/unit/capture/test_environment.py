import sys
from pathlib import Path
from typing import Any

import pytest

from homeostat.capture import environment
from homeostat.capture.environment import (
    Environment,
    Package,
    _source,
    direct_sources,
    installed,
    read_environment,
    requirements,
)
from homeostat.core.digests import Digest
from homeostat.store.objects import FileObjects

RECORD = """\
weather/__init__.py,sha256=aaaa,10
weather/__pycache__/__init__.cpython-311.pyc,,
weather_io-1.2.0.dist-info/METADATA,sha256=bbbb,20
weather_io-1.2.0.dist-info/RECORD,,
"""


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


def site(folder: Path, record: str = RECORD, name: str = "weather_io-1.2.0.dist-info") -> Path:
    """A site-packages folder with one distribution."""
    (folder / name).mkdir(parents=True)
    (folder / name / "RECORD").write_text(record)
    return folder


def test_the_packages_of_this_process_are_found(objects: FileObjects) -> None:
    """Name and version as `pip list` would tell, Python beside them."""
    found = read_environment(environment.environment(objects), objects)

    assert sys.version.split()[0] == found.python
    assert {"numpy", "polars", "scikit-learn"} <= {package.name for package in found.packages}
    assert sorted(found.packages, key=lambda package: package.name) == list(found.packages)


def test_an_environment_that_stands_still_is_one_digest(objects: FileObjects) -> None:
    """Asked twice, it is read once and equal."""
    assert environment.environment(objects) == environment.environment(objects)


def test_an_installation_is_seen_at_once(objects: FileObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package installed while the process runs changes the digest."""
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    before = environment.environment(objects)
    site(tmp_path / "site")

    after = environment.environment(objects)

    assert before != after
    assert ("weather-io", "1.2.0") in {
        (found.name, found.version) for found in read_environment(after, objects).packages
    }


@pytest.mark.parametrize(
    "line",
    [
        "../../../bin/weather,sha256=of-a-shebang,200\n",
        "/opt/bin/weather,sha256=cccc,200\n",
        "weather/__pycache__/rain.cpython-311.pyc,sha256=dddd,200\n",
        "weather_io-1.2.0.dist-info/INSTALLER,sha256=uv,2\n",
        "weather_io-1.2.0.dist-info/REQUESTED,sha256=eeee,0\n",
        "weather_io-1.2.0.dist-info/direct_url.json,sha256=ffff,80\n",
    ],
)
def test_where_and_by_what_it_was_installed_does_not_count(tmp_path: Path, line: str) -> None:
    """The same wheel is the same package in any virtual environment, by pip or by uv, in any order of lines."""
    plain, other = (
        site(tmp_path / "a"),
        site(tmp_path / "b", line + "".join(reversed(RECORD.splitlines(keepends=True)))),
    )

    assert installed([plain]) == installed([other])


@pytest.mark.parametrize("changed", [RECORD.replace("aaaa", "abab"), RECORD + "weather/rain.py,sha256=cccc,1\n"])
def test_another_file_is_another_package(tmp_path: Path, changed: str) -> None:
    """Also under the same version number."""
    assert installed([site(tmp_path / "a")]) != installed([site(tmp_path / "b", changed)])


def test_the_first_of_a_name_counts(tmp_path: Path) -> None:
    """As it does for imports."""
    old, new = site(tmp_path / "a"), site(tmp_path / "b", name="Weather.IO-2.0.dist-info")

    assert ["1.2.0"] == [package.version for package in installed([old, new])]
    assert ["2.0"] == [package.version for package in installed([new, old])]


def test_a_package_without_a_record_has_its_metadata(tmp_path: Path) -> None:
    """As Linux distributions install them, a folder or a single file."""
    (tmp_path / "rain-1.0.egg-info").write_text("Name: rain\n")
    (tmp_path / "snow-2.0.egg-info").mkdir()
    (tmp_path / "snow-2.0.egg-info" / "PKG-INFO").write_text("Name: snow\n")
    (tmp_path / "empty-3.0.dist-info").mkdir()

    found = installed([tmp_path])

    assert ["empty", "rain", "snow"] == [package.name for package in found]
    assert 3 == len({package.digest for package in found})


LOCKED = Environment(
    python="3.11.7",
    implementation="cpython",
    platform="linux",
    machine="x86_64",
    packages=tuple(Package(name, "1.0", Digest(name[0] * 64)) for name in ("ark", "boat", "canoe", "dinghy")),
)


def test_the_lock_pins_every_package() -> None:
    """By version, or by the archive with its hash it came from; what lies in a folder or is had otherwise is left out."""
    sources = {"boat": "file:///boat.whl#sha256=00", "canoe": "folder file:///canoe"}

    assert [f"ark==1.0  # files {'a' * 64}", f"boat @ file:///boat.whl#sha256=00  # files {'b' * 64}"] == requirements(
        LOCKED, sources, leaving_out=("dinghy",)
    ).splitlines()


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ({"url": "file:///a.whl", "archive_info": {"hashes": {"sha256": "00"}}}, "file:///a.whl#sha256=00"),
        ({"url": "file:///a.whl", "archive_info": {}}, "file:///a.whl"),
        ({"url": "https://h/r.git", "vcs_info": {"vcs": "git", "commit_id": "c0"}}, "git+https://h/r.git@c0"),
        ({"url": "file:///r", "dir_info": {"editable": True}}, "folder file:///r"),
    ],
)
def test_where_a_package_came_from_is_told_as_pip_takes_it(note: dict[str, Any], expected: str) -> None:
    """As PEP 610 writes it down: an archive with its hash, a repository at its commit, a folder."""
    assert expected == _source(note)


def test_a_package_from_a_folder_is_known_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What installers note beside a distribution is found under the package's normal name."""
    folder = site(tmp_path / "site")
    (folder / "weather_io-1.2.0.dist-info" / "direct_url.json").write_text('{"url": "file:///w", "dir_info": {}}')
    monkeypatch.syspath_prepend(str(folder))

    assert "folder file:///w" == direct_sources()["weather-io"]
