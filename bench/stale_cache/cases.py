"""What a case is: a tiny project, an edit of it, and whether a kept result still holds after the edit.

Every project has a `work.py` with the step `compute(x: int) -> object`, called with `work.ARGUMENT` where there is
one and with 3 otherwise. Other functions of `work.py` begin with an underscore, as Hamilton wants it of helpers.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["must rerun", "undeclared", "must keep"]


class Case(NamedTuple):
    """One edit.

    Attributes:
        kind: `must rerun` and `undeclared` change what the step returns; `undeclared` does so through something that
            no code names as an input: a file that is opened, the environment, a program that is started.
        before: files of the project, by path.
        after: files as the edit leaves them; those not named stay.
        variables: environment variables before and after, by name.
        env: those that the step declares, for a tool in which that can be said.
        moves: the edit moves the whole project, its cache included, to another folder.
        touches: the edit sets another modification time on every file.
    """

    name: str
    kind: Kind
    before: Mapping[str, str]
    after: Mapping[str, str]
    variables: Mapping[str, tuple[str, str]] = {}
    env: tuple[str, ...] = ()
    moves: bool = False
    touches: bool = False


def edit(
    name: str, kind: Kind, path: str, old: str, new: str, work: str, others: Mapping[str, str] | None = None
) -> Case:
    """A case that replaces `old` by `new` in one file."""
    before = {"work.py": work, **(others or {})}
    if old not in before[path]:
        raise ValueError(f"Case {name!r}: {path} has no {old!r} to replace.")
    return Case(name, kind, before, {path: before[path].replace(old, new)})


def within(name: str, kind: Kind, old: str, new: str, work: str) -> Case:
    """A case that edits work.py."""
    return edit(name, kind, "work.py", old, new, work)


def beside(name: str, kind: Kind, old: str, new: str, work: str, helpers: str) -> Case:
    """A case that edits helpers.py, which work.py uses."""
    return edit(name, kind, "helpers.py", old, new, work, {"helpers.py": helpers})


def distribution(name: str, version: str, source: str) -> dict[str, str]:
    """Files of an installed package, as an installer leaves them."""
    notes = f"site-packages/{name}-{version}.dist-info"
    return {
        f"site-packages/{name}/__init__.py": source,
        f"{notes}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{notes}/top_level.txt": f"{name}\n",
        f"{notes}/RECORD": f"{name}/__init__.py,sha256={version},{len(source)}\n{name}-{version}.dist-info/METADATA,,\n",
    }


def upgraded(name: str, package: str, kind: Kind, sources: tuple[str, str], work: str) -> Case:
    """A case that installs another version of a package; an empty text removes a file."""
    before, after = distribution(package, "1.0", sources[0]), distribution(package, "2.0", sources[1])
    removed = {path: "" for path in before if path not in after}
    return Case(name, kind, {"work.py": work, **before}, {**removed, **after})
