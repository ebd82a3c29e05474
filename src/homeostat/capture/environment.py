"""The installed packages, as one digest: what every distribution says of its own files.

A package's digest is taken from the RECORD that its installer wrote: the hash of each installed file. Lines that depend on
where and by what it was installed (scripts with the path of the interpreter, compiled files, the installer's own
notes) are left out, so the same wheels give the same digest in any virtual environment, by pip or by uv.
A file edited in place after its installation is not noticed here; steps note those that they load.

The digests are also the hashes of the lock (`requirements`): what is installed by it must have them, whatever index or
cache it came from. A wheel's own hash is not among what an installer leaves behind; those of its files are.
"""

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from homeostat.core.digests import Digest, canonical_json, digest_bytes
from homeostat.store.objects import ObjectStore

_SEPARATORS = re.compile(r"[-_.]+")  # PEP 503
_METADATA = ("dist-info", "egg-info")
# Lines of a RECORD that differ between equal installations.
_INCIDENTAL = re.compile(
    rb"(?m)^(?:\.\./|/|\"?[A-Za-z]:|[^\n]*\.pyc,|[^/\n]+\.dist-info/(?:RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_[a-z_]+\.json),)[^\n]*\n?"
)


class Package(msgspec.Struct, frozen=True, array_like=True):
    """An installed distribution.

    Attributes:
        name: normalised (PEP 503).
        version: as installed.
        digest: of its RECORD without incidental lines, or of its metadata where there is no RECORD.
    """

    name: str
    version: str
    digest: Digest


class Environment(msgspec.Struct, frozen=True, kw_only=True, tag="environment"):
    """What Python code runs on.

    Attributes:
        python: version, such as 3.11.7.
        implementation: such as cpython.
        platform: such as linux.
        machine: such as x86_64.
        packages: sorted by name; of two of one name the first on the path counts, as it does for imports.
    """

    python: str
    implementation: str
    platform: str
    machine: str
    packages: tuple[Package, ...]


class Changed(NamedTuple):
    """One thing of two environments that is not the same.

    Attributes:
        kind: `package`, or `environment` for the interpreter and its platform.
        name: of the package; `python` or `platform`.
        before, after: versions; empty if there was or is none. Where the version is the same but the files are not, each
            with the beginning of its digest.
    """

    kind: Literal["package", "environment"]
    name: str
    before: str
    after: str


class _Found(NamedTuple):
    """What is known of one environment: its bytes, and where packages came from that came from no index."""

    described: bytes
    sources: dict[str, str]


_Places = tuple[tuple[str, int], ...]
_known: dict[_Places, _Found] = {}


def environment(objects: ObjectStore) -> Digest:
    """Keep the description of this process's environment and return its digest.

    Cost: 10 to 30 ms once; below 1 ms while no package is installed or removed (the folders' modification times).
    """
    return objects.put(_found().described)


def direct_sources() -> dict[str, str]:
    """Package -> URL, of those that were installed from a file, a folder or a repository instead of an index.

    An archive's URL ends with its hash, a repository's with the commit. Cost: as `environment`.
    """
    return _found().sources


def read_environment(digest: Digest, objects: ObjectStore) -> Environment:
    """The environment of a digest. Raises: NotFound if it is not in `objects`."""
    return msgspec.json.decode(objects.read(digest), type=Environment)


def changed(before: Environment, after: Environment) -> list[Changed]:
    """Interpreter, platform and packages that are not the same, by name."""
    platforms = [
        {"python": f"{one.implementation} {one.python}", "platform": f"{one.platform} {one.machine}"}
        for one in (before, after)
    ]
    told = [
        Changed("environment", name, platforms[0][name], platforms[1][name])
        for name in platforms[0]
        if platforms[0][name] != platforms[1][name]
    ]
    packages = [{package.name: package for package in one.packages} for one in (before, after)]
    for name in sorted(packages[0].keys() | packages[1].keys()):
        old, new = packages[0].get(name), packages[1].get(name)
        if old is not None and new is not None and old.version == new.version:
            if old.digest != new.digest:
                told.append(Changed("package", name, *(f"{one.version} ({one.digest[:8]})" for one in (old, new))))
        else:
            told.append(Changed("package", name, old.version if old else "", new.version if new else ""))
    return told


def requirements(wanted: Environment, sources: Mapping[str, str], *, leaving_out: Sequence[str] = ()) -> str:
    """The lock as the requirements file of pip and uv: every package in its exact version, none to be resolved.

    Args:
        sources: as `direct_sources` told; folders are left out, since what lies in them changes.
        leaving_out: names of packages that are had in another way.
    """
    lines = []
    for package in wanted.packages:
        source = sources.get(package.name, "")
        if package.name in leaving_out or source.startswith("folder "):
            continue
        pinned = f"{package.name} @ {source}" if source else f"{package.name}=={package.version}"
        lines.append(f"{pinned}  # files {package.digest}\n")
    return "".join(lines)


def _found() -> _Found:
    places = _places()
    found = _known.get(places)
    if found is None:
        folders = [Path(folder) for folder, _ in places]
        described = canonical_json(
            Environment(
                python=platform.python_version(),
                implementation=sys.implementation.name,
                platform=sys.platform,
                machine=platform.machine(),
                packages=installed(folders),
            )
        )
        found = _Found(described, _sources(folders))
        _known.clear()  # the process sees one environment at a time
        _known[places] = found
    return found


def _places() -> _Places:
    found = []
    for folder in dict.fromkeys(sys.path):
        try:
            found.append((folder, Path(folder).stat().st_mtime_ns))
        except OSError:  # a path entry may be a zip, or gone
            continue
    return tuple(found)


def installed(folders: list[Path]) -> tuple[Package, ...]:
    """The distributions in `folders`, the first of a name winning, sorted by name."""
    packages: dict[str, Package] = {}
    for folder in folders:
        if folder.is_dir():
            with os.scandir(folder) as entries:
                for entry in entries:
                    stem, _, kind = entry.name.rpartition(".")
                    if kind in _METADATA:
                        name, _, version = stem.partition("-")
                        package = _package(name, version, Path(entry.path))
                        packages.setdefault(package.name, package)
    return tuple(packages[name] for name in sorted(packages))


def _package(name: str, version: str, metadata: Path) -> Package:
    normal = _SEPARATORS.sub("-", name).lower()
    for file in (metadata / "RECORD", metadata / "METADATA", metadata / "PKG-INFO", metadata):
        if file.is_file():
            content = file.read_bytes()
            if file.name == "RECORD":
                content = b"\n".join(sorted(_INCIDENTAL.sub(b"", content).splitlines()))
            return Package(normal, version, digest_bytes(content))
    return Package(normal, version, digest_bytes(b""))


def _sources(folders: list[Path]) -> dict[str, str]:
    """Of the notes that installers leave (PEP 610), the first of a name winning."""
    found: dict[str, str] = {}
    for folder in folders:
        for note in folder.glob("*.dist-info/direct_url.json"):
            name = _SEPARATORS.sub("-", note.parent.name.partition("-")[0]).lower()
            found.setdefault(name, _source(msgspec.json.decode(note.read_bytes())))
    return found


def _source(note: dict[str, Any]) -> str:
    url = str(note["url"])
    if "vcs_info" in note:
        return f"{note['vcs_info']['vcs']}+{url}@{note['vcs_info']['commit_id']}"
    if "archive_info" in note:
        sha256 = note["archive_info"].get("hashes", {}).get("sha256")
        return f"{url}#sha256={sha256}" if sha256 else url
    return f"folder {url}"
