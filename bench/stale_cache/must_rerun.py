"""Edits after which a kept result is wrong."""

from bench.stale_cache.cases import Case, Kind, beside, edit, upgraded, within

_RUN: Kind = "must rerun"
_HELP = "import helpers\ndef compute(x: int) -> object:\n    return helpers.g(x)\n"
_CALL = "def compute(x: int) -> object:\n    return {}\n"
_G = _CALL.format("_g(x)")

_FUNCTIONS = (
    within("its own body", _RUN, "x + 1", "x + 2", _CALL.format("x + 1")),
    within("a nested function", _RUN, "x + 1", "x + 2", "def compute(x: int) -> object:\n    def inner():\n        return x + 1\n    return inner()\n"),
    within("a comprehension", _RUN, "i + 1", "i + 2", _CALL.format("[i + 1 for i in range(x)]")),
    within("the text of an f-string", _RUN, "got", "has", _CALL.format("f'got {x}'")),
    within("the format of an f-string", _RUN, ".1f", ".2f", _CALL.format("f'{x:.1f}'")),
    beside("a helper", _RUN, "x + 1", "x + 2", _HELP, "def g(x): return x + 1\n"),
    edit(
        "a helper three modules away", _RUN, "pkg/c.py", "x + 1", "x + 2", "from pkg.a import g\n" + _CALL.format("g(x)"),
        {"pkg/__init__.py": "", "pkg/a.py": "from pkg import b\ndef g(x): return b.h(x)\n", "pkg/b.py": "from pkg.c import k\ndef h(x): return k(x)\n", "pkg/c.py": "def k(x): return x + 1\n"},
    ),
    beside("a lazy import", _RUN, "x + 1", "x + 2", "def compute(x: int) -> object:\n    from helpers import g\n    return g(x)\n", "def g(x): return x + 1\n"),
    beside("a star import", _RUN, "x + 1", "x + 2", "from helpers import *\n" + _CALL.format("g(x)"), "def g(x): return x + 1\n"),
    beside("an aliased import", _RUN, "x + 1", "x + 2", "import helpers as h\nk = h.g\n" + _CALL.format("k(x)"), "def g(x): return x + 1\n"),
    beside("a conditional import", _RUN, "FAST = True", "FAST = False", "from helpers import FAST\nif FAST:\n    from helpers import fast as g\nelse:\n    from helpers import slow as g\n" + _CALL.format("g(x)"), "FAST = True\ndef fast(x): return x\ndef slow(x): return x + 1\n"),
    beside("an optional import that now exists", _RUN, "#", "", "try:\n    from helpers import g\nexcept ImportError:\n    g = abs\n" + _CALL.format("g(x)"), "#def g(x): return x + 1\n"),
    beside("a dynamic import", _RUN, "x + 1", "x + 2", "import importlib\n" + _CALL.format("importlib.import_module('help' + 'ers').g(x)"), "def g(x): return x + 1\n"),
    beside("getattr on a module", _RUN, "x + 1", "x + 2", "import helpers\n" + _CALL.format("getattr(helpers, 'g')(x)"), "def g(x): return x + 1\n"),
    beside("a module's __getattr__", _RUN, "x + 1", "x + 2", "import helpers\n" + _CALL.format("helpers.anything(x)"), "def __getattr__(name):\n    if name.startswith('__'): raise AttributeError(name)\n    return lambda x: x + 1\n"),
    edit("a plugin that registers itself", _RUN, "plugin.py", "x + 1", "x + 2", "import plugin\nfrom registry import FOUND\n" + _CALL.format("[f(x) for f in FOUND]"), {"registry.py": "FOUND = []\n", "plugin.py": "from registry import FOUND\nFOUND.append(lambda x: x + 1)\n"}),
    edit("a monkeypatch at import", _RUN, "patches.py", "x + 1", "x + 2", "import helpers, patches\n" + _CALL.format("helpers.g(x)"), {"helpers.py": "def g(x): return x\n", "patches.py": "import helpers\nhelpers.g = lambda x: x + 1\n"}),
    edit("a monkeypatch of the standard library", _RUN, "patches.py", "x + 1", "x + 2", "import statistics, patches\n" + _CALL.format("statistics.mean([x])"), {"patches.py": "import statistics\nstatistics.mean = lambda x: x[0] + 1\n".replace("x[0] + 1", "(lambda x: x + 1)(x[0])")}),
    edit("a monkeypatched method of the standard library", _RUN, "patches.py", "+ 1", "+ 2", "import fractions, patches\n" + _CALL.format("str(fractions.Fraction(x).half())"), {"patches.py": "import fractions\nfractions.Fraction.half = lambda self: self / 2 + 1\n"}),
    edit("a replaced builtin", _RUN, "patches.py", "x + 1", "x + 2", "import patches\n" + _CALL.format("ascii(x)"), {"patches.py": "import builtins\nbuiltins.ascii = lambda x: x + 1\n"}),
    within("a closure value", _RUN, "_make(1)", "_make(2)", "def _make(n):\n    return lambda x: x + n\n_g = _make(1)\n" + _G),
    within("a default argument", _RUN, "n=1", "n=2", "def _g(x, n=1): return x + n\n" + _G),
    within("a keyword default", _RUN, "n=1", "n=2", "def _g(x, *, n=1): return x + n\n" + _G),
    beside("a decorator", _RUN, "+ 1", "+ 2", "from helpers import deco\n@deco\ndef _g(x): return x\n" + _G, "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a) + 1\n    return w\n"),
    beside("a decorator of the step", _RUN, "+ 1", "+ 2", "from helpers import deco\n@deco\n" + _CALL.format("x"), "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def w(x: int) -> object: return f(x) + 1\n    return w\n"),
    within("an argument of a partial", _RUN, "_h, 1", "_h, 2", "import functools\ndef _h(n, x): return n + x\n_g = functools.partial(_h, 1)\n" + _G),
    within("a lambda in a dict", _RUN, "x + 1", "x + 2", "_T = {'a': lambda x: x + 1}\n" + _CALL.format("_T['a'](x)")),
    within("a function that lru_cache wraps", _RUN, "x + 1", "x + 2", "import functools\n@functools.lru_cache\ndef _g(x): return x + 1\n" + _G),
    edit("a registration of singledispatch elsewhere", _RUN, "more.py", "x + 1", "x + 2", "import helpers, more\n" + _CALL.format("helpers.g(x)"), {"helpers.py": "import functools\n@functools.singledispatch\ndef g(x): return 0\n", "more.py": "from helpers import g\n@g.register\ndef _(x: int): return x + 1\n"}),
    within("a generator", _RUN, "x + 1", "x + 2", "def _g(x):\n    yield x + 1\n" + _CALL.format("list(_g(x))")),
    within("a coroutine", _RUN, "x + 1", "x + 2", "import asyncio\nasync def _g(x): return x + 1\n" + _CALL.format("asyncio.run(_g(x))")),
    within("a context manager", _RUN, "yield 1", "yield 2", "import contextlib\n@contextlib.contextmanager\ndef _g():\n    yield 1\ndef compute(x: int) -> object:\n    with _g() as n:\n        return x + n\n"),
    within("an attribute of a function", _RUN, "_g.n = 1", "_g.n = 2", "def _g(x): return x + _g.n\n_g.n = 1\n" + _G),
    within("which standard function", _RUN, "operator.add", "operator.mul", "import functools, operator\n_OP = operator.add\n" + _CALL.format("functools.reduce(_OP, range(1, x + 2))")),
    within("the key of a sort", _RUN, "itemgetter(0)", "itemgetter(1)", "from operator import itemgetter\n_KEY = itemgetter(0)\n" + _CALL.format("sorted([(x, 0), (1, 5)], key=_KEY)")),
    within("a local that locals() reads", _RUN, "total", "result", "def compute(x: int) -> object:\n    total = x + 1\n    return sorted(locals())\n"),
    within("a local that eval() reads", _RUN, "a, b =", "b, a =", "def compute(x: int) -> object:\n    a, b = x, 1\n    return eval('a - b')\n"),
    within("a local that a helper finds in the frame", _RUN, "total", "result", "import sys\ndef _names(): return sorted(sys._getframe(1).f_locals)\ndef compute(x: int) -> object:\n    total = x + 1\n    return _names()\n"),
    within("a hint that is read", _RUN, "a: int", "a: str", "import typing\ndef _g(a: int): return a\n" + _CALL.format("str(typing.get_type_hints(_g))")),
    within("a hint that dispatches", _RUN, "x: int): return 1", "x: str): return 1", "import functools\n@functools.singledispatch\ndef _g(x): return 0\n@_g.register\ndef _h(x: int): return 1\n" + _G),
    beside("the name of a function", _RUN, "def g(x): return x\nk = g", "def h(x): return x\nk = h", "import helpers\n" + _CALL.format("helpers.k.__name__"), "def g(x): return x\nk = g\n"),
    beside("a docstring that is read", _RUN, "One.", "Two.", "import helpers\n" + _CALL.format("helpers.g.__doc__"), "def g(x):\n    'One.'\n"),
    beside("source that is read", _RUN, "n = 1", "n = 2", "import helpers, inspect\n" + _CALL.format("inspect.getsource(helpers.g)"), "def g(x):\n    n = 1\n"),
)  # fmt: skip

_CLASSES = (
    within("a class attribute", _RUN, "n = 1", "n = 2", "class _C:\n    n = 1\n    def m(self, x): return x + self.n\n" + _CALL.format("_C().m(x)")),
    beside("a base class", _RUN, "x + 1", "x + 2", "from helpers import B\nclass _C(B): pass\n" + _CALL.format("_C().m(x)"), "class B:\n    def m(self, x): return x + 1\n"),
    within("the order of base classes", _RUN, "(_A, _B)", "(_B, _A)", "class _A:\n    def m(self): return 1\nclass _B:\n    def m(self): return 2\nclass _C(_A, _B): pass\n" + _CALL.format("_C().m()")),
    within("a method that super() reaches", _RUN, "x + 1", "x + 2", "class _B:\n    def m(self, x): return x + 1\nclass _C(_B):\n    def m(self, x): return super().m(x)\n" + _CALL.format("_C().m(x)")),
    within("a property", _RUN, "return 1", "return 2", "class _C:\n    @property\n    def p(self): return 1\n" + _CALL.format("_C().p")),
    within("a cached property", _RUN, "return 1", "return 2", "import functools\nclass _C:\n    @functools.cached_property\n    def p(self): return 1\n" + _CALL.format("_C().p")),
    within("a class method", _RUN, "return 1", "return 2", "class _C:\n    @classmethod\n    def m(cls): return 1\n" + _CALL.format("_C.m()")),
    within("a static method", _RUN, "return 1", "return 2", "class _C:\n    @staticmethod\n    def m(): return 1\n" + _CALL.format("_C.m()")),
    within("a descriptor", _RUN, "return 1", "return 2", "class _D:\n    def __get__(self, obj, owner): return 1\nclass _C:\n    p = _D()\n" + _CALL.format("_C().p")),
    within("a callable object", _RUN, "_C(1)", "_C(2)", "class _C:\n    def __init__(self, n): self.n = n\n    def __call__(self, x): return x + self.n\n_g = _C(1)\n" + _G),
    within("an overloaded operator", _RUN, "+ 1", "+ 2", "class _C:\n    def __add__(self, x): return x + 1\n" + _CALL.format("_C() + x")),
    within("a field of a dataclass", _RUN, "n: int = 1", "n: int = 2", "import dataclasses\n@dataclasses.dataclass\nclass _C:\n    n: int = 1\n" + _CALL.format("_C().n")),
    within("__post_init__", _RUN, "+ 1", "+ 2", "import dataclasses\n@dataclasses.dataclass\nclass _C:\n    n: int\n    def __post_init__(self): self.n = self.n + 1\n" + _CALL.format("_C(x).n")),
    within("a default of a named tuple", _RUN, "n: int = 1", "n: int = 2", "import typing\nclass _C(typing.NamedTuple):\n    n: int = 1\n" + _CALL.format("_C().n")),
    within("the keys of a typed dict", _RUN, "a: int", "b: int", "import typing\nclass _C(typing.TypedDict):\n    a: int\n" + _CALL.format("sorted(_C.__annotations__)")),
    within("a member of an enum", _RUN, "A = 1", "A = 2", "import enum\nclass _E(enum.Enum):\n    A = 1\n" + _CALL.format("_E.A.value")),
    within("__init_subclass__", _RUN, "n = 1", "n = 2", "class _B:\n    def __init_subclass__(cls):\n        cls.n = 1\nclass _C(_B): pass\n" + _CALL.format("_C.n")),
    within("a metaclass", _RUN, "return 1", "return 2", "class _M(type):\n    @property\n    def n(cls): return 1\nclass _C(metaclass=_M): pass\n" + _CALL.format("_C.n")),
    within("a subclass found by __subclasses__", _RUN, "return 1", "return 2", "class _B: pass\nclass _C(_B):\n    def m(self): return 1\n" + _CALL.format("[c().m() for c in _B.__subclasses__()]")),
    within("a method of the argument's class", _RUN, "+ 1", "+ 2", "import dataclasses\n@dataclasses.dataclass\nclass Config:\n    n: int\n    def m(self): return self.n + 1\nARGUMENT = Config(3)\ndef compute(x: Config) -> object:\n    return x.m()\n"),
    within("getattr on an object", _RUN, "return 1", "return 2", "class _C:\n    def a(self): return 1\n_WHICH = 'a'\n" + _CALL.format("getattr(_C(), _WHICH)()")),
    within("what an exception inherits", _RUN, "(ValueError)", "(KeyError)", "class _E(ValueError): pass\ndef compute(x: int) -> object:\n    try:\n        raise _E\n    except ValueError:\n        return 1\n    except KeyError:\n        return 2\n"),
    within("__match_args__", _RUN, "('a', 'b')", "('b', 'a')", "class _C:\n    __match_args__ = ('a', 'b')\n    a, b = 1, 2\ndef compute(x: int) -> object:\n    match _C():\n        case _C(first, _):\n            return first\n"),
    within("__missing__ of a dict", _RUN, "return 1", "return 2", "class _D(dict):\n    def __missing__(self, key): return 1\n_T = _D()\n" + _CALL.format("_T[x]")),
)  # fmt: skip

_VALUES = (
    beside("a constant of a module", _RUN, "N = 1", "N = 2", "import helpers\n" + _CALL.format("x + helpers.N"), "N = 1\n"),
    within("the content of a dict", _RUN, "'a': 1", "'a': 2", "_T = {'a': 1}\n" + _CALL.format("_T['a']")),
    within("the order of a dict", _RUN, "{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", "_T = {'a': 1, 'b': 2}\n" + _CALL.format("list(_T)")),
    within("an int that became a float", _RUN, "_N = 1", "_N = 1.0", "_N = 1\n" + _CALL.format("x * _N")),
    within("a factory of a defaultdict", _RUN, "lambda: 1", "lambda: 2", "import collections\n_T = collections.defaultdict(lambda: 1)\n" + _CALL.format("_T.get(x, _T.default_factory())")),
    within("a namespace of settings", _RUN, "n=1", "n=2", "import types\n_S = types.SimpleNamespace(n=1)\n" + _CALL.format("_S.n")),
    within("a pattern", _RUN, "'[a-c]'", "'[a-d]'", "import re\n_P = re.compile('[a-c]')\n" + _CALL.format("_P.findall('abcd')")),
    within("a template", _RUN, "'n = $n'", "'n: $n'", "import string\n_T = string.Template('n = $n')\n" + _CALL.format("_T.substitute(n=x)")),
    within("a default of a context variable", _RUN, "default=1", "default=2", "import contextvars\n_V = contextvars.ContextVar('v', default=1)\n" + _CALL.format("x + _V.get()")),
    within("a context variable set at import", _RUN, "set(1)", "set(2)", "import contextvars\n_V = contextvars.ContextVar('v')\n_V.set(1)\n" + _CALL.format("x + _V.get()")),
    within("a library's setting made at import", _RUN, "prec = 4", "prec = 5", "import decimal\ndecimal.getcontext().prec = 4\n" + _CALL.format("str(decimal.Decimal(1) / x)")),
    edit("a library's setting made by another module", _RUN, "settings.py", "prec = 4", "prec = 5", "import decimal, settings\n" + _CALL.format("str(decimal.Decimal(1) / x)"), {"settings.py": "import decimal\ndecimal.getcontext().prec = 4\n"}),
    edit("a library's setting made by a function called at import", _RUN, "settings.py", "prec = 4", "prec = 5", "import decimal, settings\n" + _CALL.format("str(decimal.Decimal(1) / x)"), {"settings.py": "import decimal\ndef _set():\n    decimal.getcontext().prec = 4\n_set()\n"}),
    Case("a declared environment variable", _RUN, {"work.py": "import os\n" + _CALL.format("x + int(os.environ['RATE'])")}, {}, {"RATE": ("1", "2")}, ("RATE",)),
    edit("a file read at import", _RUN, "rate.txt", "1", "2", "from pathlib import Path\n_RATE = int(Path(__file__).with_name('rate.txt').read_text())\n" + _CALL.format("x + _RATE"), {"rate.txt": "1"}),
    upgraded("an upgraded package", "tiny", _RUN, ("def g(x): return x + 1\n", "def g(x): return x + 2\n"), "import tiny\n" + _CALL.format("tiny.g(x)")),
    upgraded("a function in C of an upgraded package", "tinyc", _RUN, ("from _operator import add as g\n", "from _operator import sub as g\n"), "from tinyc import g\n" + _CALL.format("g(x, 1)")),
)  # fmt: skip

_READS: Kind = "undeclared"
_OPEN = "from pathlib import Path\n"
_UNDECLARED = (
    edit("a data file opened by path", _READS, "data.csv", "1,2", "1,3", _CALL.format("open('data.csv').read()"), {"data.csv": "1,2\n"}),
    edit("an SQL file", _READS, "q.sql", "1", "2", "import sqlite3\n" + _OPEN + _CALL.format("sqlite3.connect(':memory:').execute(Path('q.sql').read_text()).fetchall()"), {"q.sql": "select 1"}),
    edit("a YAML file", _READS, "config.yaml", "rate: 1", "rate: 2", _OPEN + _CALL.format("x + int(Path(__file__).with_name('config.yaml').read_text().split()[1])"), {"config.yaml": "rate: 1\n"}),
    edit("a pickled helper", _READS, "g.pickle", "add", "mul", "import pickle\n" + _OPEN + _CALL.format("pickle.loads(Path('g.pickle').read_bytes())(x, 3)"), {"g.pickle": "c_operator\nadd\n."}),
    edit("a resource of a package", _READS, "pkg/rate.txt", "1", "2", "import importlib.resources as r\n" + _CALL.format("r.files('pkg').joinpath('rate.txt').read_text()"), {"pkg/__init__.py": "", "pkg/rate.txt": "1"}),
    edit("a program that is started", _READS, "tool.py", "1", "2", "import subprocess, sys\n" + _CALL.format("subprocess.check_output([sys.executable, 'tool.py'])"), {"tool.py": "print(1)\n"}),
    edit("a file that a shell command names", _READS, "data.csv", "1,2", "1,3", "import subprocess\n" + _CALL.format("subprocess.check_output('cat data.csv', shell=True)"), {"data.csv": "1,2\n"}),
    edit("a module of a program that is started", _READS, "part.py", "1", "2", "import subprocess, sys\n" + _CALL.format("subprocess.check_output([sys.executable, 'tool.py'])"), {"tool.py": "import part\nprint(part.N)\n", "part.py": "N = 1\n"}),
    edit("a folder that is listed", _READS, "data/a", "", "", _OPEN + _CALL.format("sorted(p.name for p in Path('data').iterdir())"), {"data/a": ""})._replace(after={"data/b": "new"}),
    Case("an undeclared environment variable", _READS, {"work.py": "import os\n" + _CALL.format("x + int(os.environ['RATE'])")}, {}, {"RATE": ("1", "2")}),
    edit("a package edited where it is installed", _READS, "site-packages/odd/__init__.py", "x + 1", "x + 2", "import odd\n" + _CALL.format("odd.g(x)"), {"site-packages/odd/__init__.py": "def g(x): return x + 1\n"}),
)  # fmt: skip

MUST_RERUN = (*_FUNCTIONS, *_CLASSES, *_VALUES)
UNDECLARED = _UNDECLARED
