"""Edits after which a kept result still holds."""

from bench.stale_cache.cases import Case, Kind, beside, distribution, edit, within

_KEEP: Kind = "must keep"
_WORK = "from helpers import g\n\ndef compute(x: int) -> object:\n    total = g(x)\n    return total + 60 * 60\n"
_HELPERS = "import logging\n\nlogging.basicConfig(level=30)\n_log = logging.getLogger('a')\n\ndef other(a):\n    return a\n\ndef g(x):\n    _log.info('called')\n    return x + 1\n"
_OTHER, _G = "def other(a): return a\n", "def g(x): return x + 1\n"
_CLASS = "class _C:\n    def m(self, x): return x + 1\ndef compute(x: int) -> object:\n    return _C().m(x)\n"


def _helpers(name: str, old: str, new: str) -> Case:
    return beside(name, _KEEP, old, new, _WORK, _HELPERS)


def _work(name: str, old: str, new: str) -> Case:
    return edit(name, _KEEP, "work.py", old, new, _WORK, {"helpers.py": _HELPERS})


def _beside(name: str, path: str, before: str, after: str) -> Case:
    return Case(name, _KEEP, {"work.py": _WORK, "helpers.py": _HELPERS, path: before}, {path: after})


_PROJECT = {"work.py": _WORK, "helpers.py": _HELPERS}

MUST_KEEP = (
    _work("a comment in the step", "    total", "    # the sum\n    total"),
    _work("a comment at the end of a line", "g(x)\n", "g(x)  # noqa\n"),
    _work("a docstring of the step", "object:\n", 'object:\n    """Computes."""\n'),
    _work("blank lines in the step", "g(x)\n", "g(x)\n\n\n"),
    _work("line breaks in the step", "g(x)", "g(\n        x,\n    )"),
    _work("parentheses", "total + 60 * 60", "(total + (60 * 60))"),
    _work("a constant spelled out", "60 * 60", "3_600"),
    _work("a type hint of a local", "total =", "total: int ="),
    _work("a local renamed", "total", "result"),
    _work("an import nobody uses", "from helpers", "import json\nfrom helpers"),
    _work("a function below the step", "60 * 60\n", "60 * 60\n\ndef _below(x):\n    return 0\n"),
    _work("a block for scripts", "60 * 60\n", "60 * 60\n\nif __name__ == '__main__':\n    print(compute(3))\n"),
    _helpers("a comment in a helper", "    return x", "    # plus one\n    return x"),
    _helpers("a docstring of a helper", "def g(x):\n", 'def g(x):\n    """Adds one."""\n'),
    _helpers("a docstring of the helper's module", "import logging\n", '"""Helps."""\n\nimport logging\n'),
    _helpers("blank lines in a helper", "    return x", "\n\n    return x"),
    _helpers("quotes in a helper", "'called'", '"called"'),
    _helpers("the log level", "level=30", "level=40"),
    _helpers("the body of another function", "return a", "return -a"),
    _helpers("an argument of another function renamed", "other(a):\n    return a", "other(b):\n    return b"),
    _helpers("another function removed", "def other(a):\n    return a\n\n", ""),
    _helpers("a constant nobody reads", "import logging\n", "import logging\nUNUSED = 1\n"),
    _helpers("__all__", "import logging\n", "import logging\n__all__ = ['g']\n"),
    edit("functions in another order", _KEEP, "helpers.py", _OTHER + _G, _G + _OTHER, _WORK, {"helpers.py": _OTHER + _G}),
    within("a docstring of a class", _KEEP, "class _C:\n", "class _C:\n    'Computes.'\n", _CLASS),
    within("a comment in a method", _KEEP, "return x + 1", "return x + 1  # one more", _CLASS),
    within("a method nobody calls", _KEEP, "class _C:\n", "class _C:\n    def unused(self): return 0\n", _CLASS),
    within("a type hint of a helper", _KEEP, "_g(x):", "_g(x: int):", "def _g(x): return x\ndef compute(x: int) -> object:\n    return _g(x)\n"),
    within("strings joined by the compiler", _KEEP, "'ab'", "'a' 'b'", "def compute(x: int) -> object:\n    return 'ab' * x\n"),
    _beside("a module nobody imports", "unrelated.py", "N = 1\n", "N = 2\n"),
    _beside("a test", "tests/test_work.py", "def test(): pass\n", "def test(): assert True\n"),
    _beside("the README", "README.md", "One.\n", "Two.\n"),
    _beside("settings of a linter", "pyproject.toml", "[tool.ruff]\nline-length = 80\n", "[tool.ruff]\nline-length = 120\n"),
    _beside("a data file nobody reads", "unused.csv", "1\n", "2\n"),
    Case("an environment variable nobody reads", _KEEP, _PROJECT, {}, {"UNRELATED": ("1", "2")}),
    Case("modification times", _KEEP, _PROJECT, {}, touches=True),
    Case("the project in another folder", _KEEP, _PROJECT, {}, moves=True),
    Case("a helper moved to another module", _KEEP, {"work.py": _WORK, "helpers.py": "def g(x): return x + 1\n"}, {"moved.py": "def g(x): return x + 1\n", "helpers.py": "from moved import g\n"}),
    Case("a new package nobody imports", _KEEP, _PROJECT, distribution("unrelated", "1.0", "N = 1\n")),
)  # fmt: skip
