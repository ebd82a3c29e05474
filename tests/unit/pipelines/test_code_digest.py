"""What the code digest of a step sees, and what it does not."""

import os
import subprocess
import sys
from types import GenericAlias, SimpleNamespace
from typing import Any

import pytest

from homeostat.core.errors import InvalidDeclaration
from homeostat.pipelines.code_digest import CodeDigest, code_digest


def digest(project: Any, files: dict[str, str]) -> CodeDigest:
    project.write(files)
    return code_digest(project.load().f, project.root)


def one(
    before: str, after: str, *, frame: str = "{}\ndef f(x): return g(x)\n"
) -> tuple[dict[str, str], dict[str, str]]:
    """A project of one file, whose function f uses what `before` and `after` define as g."""
    return {"main": frame.format(before)}, {"main": frame.format(after)}


def beside(before: str, after: str, main: str) -> tuple[dict[str, str], dict[str, str]]:
    """A project of two files: main, which uses `other`."""
    return {"main": main, "other": before}, {"main": main, "other": after}


PACKAGE = {
    "pkg/a": "from pkg import b\ndef g(x): return b.h(x)\n",
    "pkg/b": "from pkg.c import k\ndef h(x): return k(x)\n",
}
USE_CLASS = "{}\ndef f(x): return C().m(x)\n"

SEEN = {
    "its own body": ({"main": "def f(x): return 1\n"}, {"main": "def f(x): return 2\n"}),
    "a helper": one("def g(x): return x + 1", "def g(x): return x + 2"),
    "an operator": one("def g(x): return x + 1", "def g(x): return x - 1"),
    "an int that became a float": one("def g(x): return x + 1", "def g(x): return x + 1.0"),
    "a helper three imports away": (
        {
            "main": "from pkg import a\ndef f(x): return a.g(x)\n",
            **PACKAGE,
            "pkg/__init__": "",
            "pkg/c": "def k(x): return 1\n",
        },
        {
            "main": "from pkg import a\ndef f(x): return a.g(x)\n",
            **PACKAGE,
            "pkg/__init__": "",
            "pkg/c": "def k(x): return 2\n",
        },
    ),
    "a constant": one("N = 1\ndef g(x): return N", "N = 2\ndef g(x): return N"),
    "a constant of a module": beside("N = 1\n", "N = 2\n", "import other\ndef f(x): return other.N\n"),
    "a tuple": one("N = (1, 'a')\ndef g(x): return N", "N = (1, 'b')\ndef g(x): return N"),
    "a list": one("N = [1, [2]]\ndef g(x): return N", "N = [1, [3]]\ndef g(x): return N"),
    "a dict": one("N = {'a': 1}\ndef g(x): return N", "N = {'a': 2}\ndef g(x): return N"),
    "the order of a dict": one("N = {'a': 1, 'b': 2}\ndef g(x): return N", "N = {'b': 2, 'a': 1}\ndef g(x): return N"),
    "a set": one("N = {1, 2}\ndef g(x): return N", "N = {1, 3}\ndef g(x): return N"),
    "a set in the code": one("def g(x): return x in {1, 2}", "def g(x): return x in {1, 3}"),
    "a default": one("def g(x, y=1): return y", "def g(x, y=2): return y"),
    "a keyword default": one("def g(x, *, y=1): return y", "def g(x, *, y=2): return y"),
    "a closure": one(
        "def make(n):\n    def inner(x): return n\n    return inner\ng = make(1)",
        "def make(n):\n    def inner(x): return n\n    return inner\ng = make(2)",
    ),
    "a lambda": one("g = lambda x: x + 1", "g = lambda x: x + 2"),
    "a nested function": one(
        "def g(x):\n    def inner(): return 1\n    return inner()",
        "def g(x):\n    def inner(): return 2\n    return inner()",
    ),
    "a comprehension": one("def g(x): return [i + 1 for i in x]", "def g(x): return [i + 2 for i in x]"),
    "a name in a comprehension": one(
        "N = 1\ndef g(x): return [i + N for i in x]", "N = 2\ndef g(x): return [i + N for i in x]"
    ),
    "what a name is bound to": one(
        "def a(x): return 1\ndef b(x): return 2\nh = a\ndef g(x): return h(x) + a(x) + b(x)",
        "def a(x): return 1\ndef b(x): return 2\nh = b\ndef g(x): return h(x) + a(x) + b(x)",
    ),
    "where a try begins": one(
        "def g(x):\n    try:\n        len(x)\n        abs(x)\n    except TypeError: pass",
        "def g(x):\n    len(x)\n    try:\n        abs(x)\n    except TypeError: pass",
    ),
    "a method": one(
        "class C:\n    def m(self, x): return 1", "class C:\n    def m(self, x): return 2", frame=USE_CLASS
    ),
    "a base class": one(
        "class B:\n    def m(self, x): return 1\nclass C(B): pass",
        "class B:\n    def m(self, x): return 2\nclass C(B): pass",
        frame=USE_CLASS,
    ),
    "which base class": one(
        "class A:\n    def m(self, x): return 1\nclass B(A):\n    def m(self, x): return 2\nclass C(B): pass",
        "class A:\n    def m(self, x): return 1\nclass B(A):\n    def m(self, x): return 2\nclass C(A): pass\nC.b = B",
        frame=USE_CLASS,
    ),
    "a class attribute": one(
        "class C:\n    n = 1\n    def m(self, x): return self.n",
        "class C:\n    n = 2\n    def m(self, x): return self.n",
        frame=USE_CLASS,
    ),
    "a property": one(
        "class C:\n    @property\n    def p(self): return 1\n    def m(self, x): return self.p",
        "class C:\n    @property\n    def p(self): return 2\n    def m(self, x): return self.p",
        frame=USE_CLASS,
    ),
    "a class method": one(
        "class C:\n    @classmethod\n    def m(cls, x): return 1",
        "class C:\n    @classmethod\n    def m(cls, x): return 2",
        frame=USE_CLASS,
    ),
    "a static method": one(
        "class C:\n    @staticmethod\n    def m(x): return 1",
        "class C:\n    @staticmethod\n    def m(x): return 2",
        frame=USE_CLASS,
    ),
    "a nested class": one(
        "class C:\n    class D:\n        n = 1\n    def m(self, x): return self.D.n",
        "class C:\n    class D:\n        n = 2\n    def m(self, x): return self.D.n",
        frame=USE_CLASS,
    ),
    "a cached property": one(
        "import functools\nclass C:\n    @functools.cached_property\n    def p(self): return 1\n    def m(self, x): return self.p",
        "import functools\nclass C:\n    @functools.cached_property\n    def p(self): return 2\n    def m(self, x): return self.p",
        frame=USE_CLASS,
    ),
    "a class attribute of its own kind": one(
        "class C:\n    def __init__(self, n=0): self.n = n\n    def m(self, x): return C.one.n\nC.one = C(1)",
        "class C:\n    def __init__(self, n=0): self.n = n\n    def m(self, x): return C.one.n\nC.one = C(2)",
        frame=USE_CLASS,
    ),
    "the state of an instance": one(
        "class C:\n    def __init__(self, n): self.n = n\n    def __call__(self, x): return self.n\ng = C(1)",
        "class C:\n    def __init__(self, n): self.n = n\n    def __call__(self, x): return self.n\ng = C(2)",
    ),
    "the class of an instance": one(
        "class C:\n    def __call__(self, x): return 1\ng = C()",
        "class C:\n    def __call__(self, x): return 2\ng = C()",
    ),
    "slots of an instance": one(
        "class C:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n\nN = C(1)\ndef g(x): return N.n",
        "class C:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n\nN = C(2)\ndef g(x): return N.n",
    ),
    "a bound method": one(
        "class C:\n    def __init__(self, n): self.n = n\n    def m(self, x): return self.n\ng = C(1).m",
        "class C:\n    def __init__(self, n): self.n = n\n    def m(self, x): return self.n\ng = C(2).m",
    ),
    "a method bound to a builtin value": one("g = [1, 2].index", "g = [2, 1].index"),
    "the function of a partial": one(
        "import functools\ndef h(x): return 1\ng = functools.partial(h)",
        "import functools\ndef h(x): return 2\ng = functools.partial(h)",
    ),
    "an argument of a partial": one(
        "import functools\ndef h(n, x): return n\ng = functools.partial(h, 1)",
        "import functools\ndef h(n, x): return n\ng = functools.partial(h, 2)",
    ),
    "a decorator": one(
        "import functools\ndef deco(h):\n    @functools.wraps(h)\n    def w(x): return h(x) + 1\n    return w\n@deco\ndef g(x): return x",
        "import functools\ndef deco(h):\n    @functools.wraps(h)\n    def w(x): return h(x) + 2\n    return w\n@deco\ndef g(x): return x",
    ),
    "what a decorator wraps": one(
        "import functools\ndef deco(h):\n    @functools.wraps(h)\n    def w(x): return h(x)\n    return w\n@deco\ndef g(x): return 1",
        "import functools\ndef deco(h):\n    @functools.wraps(h)\n    def w(x): return h(x)\n    return w\n@deco\ndef g(x): return 2",
    ),
    "what lru_cache wraps": one(
        "import functools\n@functools.lru_cache\ndef g(x): return 1",
        "import functools\n@functools.lru_cache\ndef g(x): return 2",
    ),
    "what contextmanager wraps": one(
        "import contextlib\n@contextlib.contextmanager\ndef h(): yield 1\ndef g(x):\n    with h() as y: return y",
        "import contextlib\n@contextlib.contextmanager\ndef h(): yield 2\ndef g(x):\n    with h() as y: return y",
    ),
    "a registered overload": one(
        "import functools\n@functools.singledispatch\ndef g(x): return 0\n@g.register\ndef _(x: int): return 1",
        "import functools\n@functools.singledispatch\ndef g(x): return 0\n@g.register\ndef _(x: int): return 2",
    ),
    "a step inside a step": one(
        "from homeostat.pipelines.steps import step\n@step\ndef g(x): return 1",
        "from homeostat.pipelines.steps import step\n@step\ndef g(x): return 2",
    ),
    "an import inside a function": beside(
        "def h(x): return 1\n", "def h(x): return 2\n", "def f(x):\n    from other import h\n    return h(x)\n"
    ),
    "a module imported inside a function": beside(
        "def h(x): return 1\n", "def h(x): return 2\n", "def f(x):\n    import other as o\n    return o.h(x)\n"
    ),
    "a relative import inside a function": (
        {
            "main": "from pkg.a import f\n",
            "pkg/__init__": "",
            "pkg/a": "def f(x):\n    from .b import h\n    return h(x)\n",
            "pkg/b": "def h(x): return 1\n",
        },
        {
            "main": "from pkg.a import f\n",
            "pkg/__init__": "",
            "pkg/a": "def f(x):\n    from .b import h\n    return h(x)\n",
            "pkg/b": "def h(x): return 2\n",
        },
    ),
    "getattr on a module": beside(
        "def h(x): return 1\n", "def h(x): return 2\n", "import other\ndef f(x): return getattr(other, 'h')(x)\n"
    ),
    "a dynamic import": beside(
        "def h(x): return 1\n",
        "def h(x): return 2\n",
        "import importlib\ndef f(x): return importlib.import_module('ot' + 'her').h(x)\n",
    ),
    "globals": one(
        "def a(x): return 1\ndef g(x): return globals()['a'](x)",
        "def a(x): return 2\ndef g(x): return globals()['a'](x)",
    ),
    "functions in a dict": one(
        "T = {'a': lambda x: 1}\ndef g(x): return T['a'](x)", "T = {'a': lambda x: 2}\ndef g(x): return T['a'](x)"
    ),
    "functions in a tuple in a list": one(
        "def h(x): return 1\nT = [(h, 0)]\ndef g(x): return T[0][0](x)",
        "def h(x): return 2\nT = [(h, 0)]\ndef g(x): return T[0][0](x)",
    ),
    "an enum": one(
        "import enum\nclass E(enum.Enum):\n    A = 1\ndef g(x): return E.A.value",
        "import enum\nclass E(enum.Enum):\n    A = 2\ndef g(x): return E.A.value",
    ),
    "a method of an enum": one(
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def m(self): return 1\ndef g(x): return E.A.m()",
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def m(self): return 2\ndef g(x): return E.A.m()",
    ),
    "a pattern": one(
        "import re\nN = re.compile('a')\ndef g(x): return N.match(x)",
        "import re\nN = re.compile('b')\ndef g(x): return N.match(x)",
    ),
    "flags of a pattern": one(
        "import re\nN = re.compile('a')\ndef g(x): return N.match(x)",
        "import re\nN = re.compile('a', re.I)\ndef g(x): return N.match(x)",
    ),
    "an array": one(
        "import numpy as np\nN = np.array([1, 2])\ndef g(x): return N",
        "import numpy as np\nN = np.array([1, 3])\ndef g(x): return N",
    ),
    "a polars expression": one(
        "import polars as pl\nN = pl.col('a') > 1\ndef g(x): return x.filter(N)",
        "import polars as pl\nN = pl.col('a') > 2\ndef g(x): return x.filter(N)",
    ),
    "which function of a package": one("import numpy as np\ng = np.add", "import numpy as np\ng = np.subtract"),
    "a project function in an object of a package": one(
        "import numpy as np\ndef h(x): return 1\nT = np.vectorize(h)\ndef g(x): return T(x)",
        "import numpy as np\ndef h(x): return 2\nT = np.vectorize(h)\ndef g(x): return T(x)",
    ),
    "a default of a dataclass": one(
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int = 1\n    def m(self, x): return self.n",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int = 2\n    def m(self, x): return self.n",
        frame=USE_CLASS,
    ),
    "a default factory of a dataclass": one(
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: list = dataclasses.field(default_factory=lambda: [1])\n    def m(self, x): return self.n",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: list = dataclasses.field(default_factory=lambda: [2])\n    def m(self, x): return self.n",
        frame=USE_CLASS,
    ),
    "a default of a struct": one(
        "import msgspec\nclass C(msgspec.Struct):\n    n: int = 1\n    def m(self, x): return self.n",
        "import msgspec\nclass C(msgspec.Struct):\n    n: int = 2\n    def m(self, x): return self.n",
        frame=USE_CLASS,
    ),
    "a default of a named tuple": one(
        "import typing\nclass C(typing.NamedTuple):\n    n: int = 1\n    def m(self, x): return self.n",
        "import typing\nclass C(typing.NamedTuple):\n    n: int = 2\n    def m(self, x): return self.n",
        frame=USE_CLASS,
    ),
    "a value of a dataclass": one(
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass C:\n    n: int\nN = C(1)\ndef g(x): return N.n",
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass C:\n    n: int\nN = C(2)\ndef g(x): return N.n",
    ),
    "an attribute of a function": one("def g(x): return g.n\ng.n = 1", "def g(x): return g.n\ng.n = 2"),
    "a name that was not defined": one("def g(x): return missing", "missing = 1\ndef g(x): return missing"),
    "a hint": ({"main": "def f(x: int): return x\n"}, {"main": "def f(x: float): return x\n"}),
}

RENAMED = {
    "locals() reads it": "def f(x):\n    total = x\n    return locals()",
    "a method of whatever was given may read it": "def f(x):\n    total = 1\n    return x.query('a > @total')",
    "a package may read it": "import numpy as np\ndef f(x):\n    total = 1\n    return np.mean(x)",
    "a function that was given may read it": "def f(x):\n    total = 1\n    return x('total')",
    "a function imported inside may read it": "def f(x):\n    from numpy import mean\n    total = 1\n    return mean(x)",
    "frames are looked at": "import sys\ndef f(x):\n    total = 1\n    return sys._getframe()",
    "a nested function's local": "import numpy as np\ndef f(x):\n    def g():\n        total = 1\n        return np.mean(x)\n    return g()",
}

UNSEEN = {
    "a local of plain Python": one(
        "def g(x):\n    total = sorted(x)\n    return total.pop()",
        "def g(x):\n    rest = sorted(x)\n    return rest.pop()",
    ),
    "a local beside the standard library": one(
        "import math\ndef g(x):\n    root = math.sqrt(x)\n    return root",
        "import math\ndef g(x):\n    r = math.sqrt(x)\n    return r",
    ),
    "a hint of a function that is only called": one("def g(x: int): return x", "def g(x: str): return x"),
    "a comment": one("def g(x):\n    return 1", "# why\ndef g(x):\n    # because\n    return 1  # one"),
    "a docstring": one("def g(x):\n    return 1", 'def g(x):\n    """Says one."""\n    return 1'),
    "another docstring": one('def g(x):\n    """One."""\n    return 1', 'def g(x):\n    """Says one."""\n    return 1'),
    "a docstring of a class": one(
        "class C:\n    def m(self, x): return 1",
        'class C:\n    """Says."""\n    def m(self, x):\n        "One."\n        return 1',
        frame=USE_CLASS,
    ),
    "a docstring of a nested function": one(
        "def g(x):\n    def h(): return 1\n    return h()",
        'def g(x):\n    def h():\n        "One."\n        return 1\n    return h()',
    ),
    "a docstring that moves many constants": one(
        "def g(x): return [" + ", ".join(f"x + {n}.5" for n in range(300)) + "]",
        'def g(x):\n    "Many."\n    return [' + ", ".join(f"x + {n}.5" for n in range(300)) + "]",
    ),
    "blank lines and wrapping": one(
        "def g(x):\n    if x: return [x, 1]\n    return max(x, 2)",
        "\n\ndef g(\n    x,\n):\n\n    if (\n        x\n    ):\n        return [\n            x,\n            1,\n        ]\n\n    return max(\n        x,\n        2,\n    )",
    ),
    "quotes and number spelling": one("def g(x): return 'a', 1000", 'def g(x): return "a", 1_000'),
    "a function beside it": one("def g(x): return 1", "def other(x): return 2\ndef g(x): return 1"),
    "the order of definitions": one(
        "def a(x): return 1\ndef g(x): return a(x)", "def g(x): return a(x)\ndef a(x): return 1"
    ),
    "a module that is not used": (
        {"main": "def f(x): return 1\n", "other": "N = 1\n"},
        {"main": "def f(x): return 1\n", "other": "N = 2\n"},
    ),
    "a name of a module that is not used": beside(
        "N = 1\nM = 1\n", "N = 1\nM = 2\n", "import other\ndef f(x): return other.N\n"
    ),
    "the file a logger is in": one(
        "import logging\nL = logging.getLogger('a')\ndef g(x): L.info('x')",
        "import logging\nL = logging.getLogger('a')\nL.setLevel(10)\ndef g(x): L.info('x')",
    ),
}


@pytest.mark.parametrize("case", SEEN)
def test_an_edit_that_can_change_the_result_changes_the_digest(case: str, project: Any) -> None:
    """No edit of anything in reach goes unseen."""
    before, after = SEEN[case]

    assert digest(project, before).digest != digest(project, after).digest


@pytest.mark.parametrize("case", RENAMED)
def test_a_local_that_somebody_may_look_up_counts_by_name(case: str, project: Any) -> None:
    """Names of locals count wherever what is called could look into the frame of its caller."""
    source = RENAMED[case]

    assert (
        digest(project, {"main": source + "\n"}).digest
        != digest(project, {"main": source.replace("total = ", "result = ") + "\n"}).digest
    )


@pytest.mark.parametrize("case", UNSEEN)
def test_an_edit_that_cannot_change_the_result_keeps_the_digest(case: str, project: Any) -> None:
    """Comments, docstrings, formatting and code out of reach do not count."""
    before, after = UNSEEN[case]

    assert digest(project, before) == digest(project, after)


@pytest.mark.parametrize("case", SEEN)
def test_the_same_code_loaded_twice_has_one_digest(case: str, project: Any) -> None:
    """Nothing of the process (addresses, order of loading) enters the digest."""
    before, _ = SEEN[case]

    assert digest(project, before) == digest(project, before)


def test_parts_name_what_was_counted(project: Any) -> None:
    """Each part can be told to a person: functions and constants by their place, packages by version."""
    found = digest(
        project, {"main": "import numpy as np\nN = 0.5\ndef g(x): return np.mean(x) * N\ndef f(x): return g(x)\n"}
    )

    assert {
        "function main:f",
        "signature main:f",
        "function main:g",
        "constant main:N",
        "package numpy",
    } == found.parts.keys()
    assert "0.5" == found.parts["constant main:N"]


def test_digest_is_of_what_runs_not_of_what_the_file_says_now(project: Any) -> None:
    """A file edited after its import does not change what the loaded code is known as."""
    project.write({"main": "def f(x): return 1\n"})
    function = project.load().f
    before = code_digest(function, project.root)
    project.write({"main": "def f(x): return 2\n"})

    assert before == code_digest(function, project.root)


def test_a_global_changed_while_running_is_seen(project: Any) -> None:
    """Mutable globals count by their value at the call, so no result outlives a change of one."""
    project.write({"main": "N = []\ndef f(x): return N\n"})
    module = project.load()
    before = code_digest(module.f, project.root)
    module.N.append(1)

    assert before.digest != code_digest(module.f, project.root).digest


def test_a_value_that_cannot_be_counted_is_refused(project: Any) -> None:
    """What could change unseen is named, with the way out."""
    project.write({"main": "N = (i for i in [1])\ndef f(x): return next(N)\n"})

    with pytest.raises(InvalidDeclaration, match=r"main:N holds a builtins.generator .* pass it as an argument"):
        code_digest(project.load().f, project.root)


def test_classes_of_hints_count(project: Any) -> None:
    """A step may call methods of its arguments, so the classes of its hints are part of its code."""
    digests = []
    for n in (1, 2):
        project.write({"main": f"class C:\n    def m(self): return {n}\ndef f(x): return x.m()\n"})
        module = project.load()
        digests.append(code_digest(module.f, project.root, [GenericAlias(list, (module.C,)) | None]).digest)

    assert digests[0] != digests[1]


def test_another_process_finds_the_same_digest(project: Any) -> None:
    """The digest does not depend on hash seeds or addresses: results are shared between processes."""
    project.write(
        {
            "main": (
                "import dataclasses, enum, functools, re, msgspec, numpy as np, polars as pl\n"
                "S = {'a', 'b', 'c', 'd'}\nF = frozenset('abcd')\nP = re.compile('a')\nA = np.arange(3)\nX = pl.col('a') > 1\n"
                "class E(enum.Enum):\n    A = 1\n"
                "class T(msgspec.Struct):\n    n: int = 1\n"
                "@dataclasses.dataclass\nclass D:\n    n: list = dataclasses.field(default_factory=list)\n"
                "def f(x): return S, F, P, A, X, E.A, T(), D(), x in {'a', 'b', 'c'}, functools.partial(len)\n"
            )
        }
    )
    script = (
        "import main, pathlib; from homeostat.pipelines.code_digest import code_digest;"
        f"print(code_digest(main.f, pathlib.Path({str(project.root)!r})).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join([str(project.root), *sys.path])}

    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert told.stdout.strip() == code_digest(project.load().f, project.root).digest


def test_a_callable_object_that_is_no_function_is_followed(project: Any) -> None:
    """What is handed in may be any callable."""
    digests = [
        code_digest(SimpleNamespace(__wrapped__=function), project.root).digest for function in (lambda: 1, lambda: 2)
    ]

    assert digests[0] != digests[1]
