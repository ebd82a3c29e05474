import pickle
import re
from collections.abc import Iterator

import pytest

from homeostat.core import errors
from homeostat.core.errors import HomeostatError, Overloaded


def subclasses(root: type[HomeostatError]) -> Iterator[type[HomeostatError]]:
    yield root
    for child in root.__subclasses__():
        yield from subclasses(child)


ALL = [kind for kind in subclasses(HomeostatError) if kind.__module__ == errors.__name__]


def drawn_edges() -> list[tuple[str, str]]:
    """(class, base) of every line of the tree in the module's docstring."""
    tree = (errors.__doc__ or "").split("\n\n")[1]
    edges, way = [], ["Exception"]
    for line in tree.splitlines():
        match = re.match(r"^([│ ]*)(├── |└── )?(\w+)", line)
        assert match is not None, line
        depth = (len(match[1]) + len(match[2] or "")) // 4
        way = [*way[: depth + 1], match[3]]
        edges.append((match[3], way[-2]))
    return edges


def test_drawn_tree_is_the_tree() -> None:
    """The tree at the head of the module shows each class under its base, none missing, none too many."""
    assert sorted((kind.__name__, kind.__bases__[0].__name__) for kind in ALL) == sorted(drawn_edges())


def test_codes_are_unique() -> None:
    """A client tells any two errors apart by code, so no two classes share one."""
    codes = [kind.code for kind in ALL]

    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_code_is_its_own_and_safe_in_a_url(kind: type[HomeostatError]) -> None:
    """Each class says its code itself, in lower-case words joined by dashes."""
    assert "code" in vars(kind)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_errors_survive_a_pickle_round_trip(kind: type[HomeostatError]) -> None:
    """A worker process can hand any error to its parent: class, message and code arrive."""
    error = pickle.loads(pickle.dumps(kind("Disk /data is full: free some space.")))

    assert (kind, "Disk /data is full: free some space.", kind.code) == (type(error), error.message, error.code)
    assert error.message == str(error)


def test_overloaded_keeps_when_to_come_back() -> None:
    """A pickled Overloaded still says after how many seconds a retry makes sense."""
    error = pickle.loads(pickle.dumps(Overloaded("The queue holds 512 requests.", retry_after_s=2.5)))

    assert ("The queue holds 512 requests.", 2.5) == (error.message, error.retry_after_s)
