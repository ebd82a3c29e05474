"""Who can see what the locals of a function are called.

`DataFrame.query`, SQL over frames, formulas and their like look into the frame of their caller and find locals by name.
Where only Python's own functions and the project's are called nobody does, and a renamed local changes nothing.
"""

import builtins
import sys
from types import FunctionType, ModuleType

from homeostat.pipelines.bytecode import Summary
from homeostat.pipelines.origins import is_project_module, is_project_name

# Attributes that Python's own values have: no method of theirs looks at the frame of its caller.
_HARMLESS = frozenset(
    name
    for kind in (str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset, range, slice)
    for name in dir(kind)
    if not name.startswith("_")
)
_READERS = frozenset({"locals", "vars", "dir", "eval", "exec", "breakpoint"})
_READING_MODULES = frozenset(
    {"inspect", "sys", "traceback", "code", "pdb", "doctest", "gc", "timeit", "cProfile", "trace"}
)


def hides_locals(function: FunctionType, found: Summary) -> bool:
    """Whether nobody sees the names of the function's locals; in doubt somebody does.

    Project code that looks at frames makes the whole source count, and the locals with it.
    """
    if found.calls_values or found.imports:
        return False
    known = set(_HARMLESS)
    for name in found.names:
        value = function.__globals__.get(name.name, getattr(builtins, name.name, None))
        if name.name in _READERS:
            return False
        if isinstance(value, ModuleType):
            if not (is_project_module(value) or _is_standard(value.__name__)):
                return False
            known.update(name.chain)
        elif callable(value) and not _is_plain(str(getattr(value, "__module__", None) or "builtins")):
            return False
    return found.attributes <= known


def _is_plain(module: str) -> bool:
    return _is_standard(module) or is_project_name(module)


def _is_standard(module: str) -> bool:
    """Whether a module is Python's own, and none that looks at the frames of others."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names and top not in _READING_MODULES
