"""What importing a module does beside defining names: the statements of its body that change something elsewhere.

`decimal.getcontext().prec = 4` at the head of a module changes what a step computes and leaves no trace in any function.
Definitions, imports and plain constants are left out: the code digest counts them where they are used. So is what only
reports: calls of `print` and of loggers.

Bodies are read from the source as it is when a module is first seen by a step, since Python keeps no bytecode of them.
Code typed into a notebook has none. In the script that is started, only calls into other packages count:
its last lines start the pipeline.
"""

import ast
import logging
import sys
from importlib.machinery import ModuleSpec
from importlib.util import resolve_name
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from homeostat.pipelines.origins import is_project_module, is_project_name

_SETTERS = ("set", "seed", "use", "register", "install", "enable", "disable", "configure", "init", "patch", "activate")
_SILENT_ROOTS = frozenset({"print", "logging"})


class Body(NamedTuple):
    """What the import of a module does.

    Attributes:
        effects: the statements that change something, compiled; None if there are none.
        imports: names of the project's modules that it imports in turn.
    """

    effects: CodeType | None
    imports: tuple[str, ...]


_EMPTY = Body(None, ())
# By the identity of a module's spec, which a reload replaces; the spec is kept so that its id stays its own.
_known: dict[int, tuple[ModuleSpec | None, Body]] = {}


def body(module: ModuleType) -> Body:
    """The body of a module of the project. Cost: parses its source the first time; then a lookup."""
    spec = module.__spec__
    known = _known.get(id(spec or module))
    if known is None:
        known = _known[id(spec or module)] = spec, _read(module)
    return known[1]


def _read(module: ModuleType) -> Body:
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py"):
        return _EMPTY
    try:
        with open(file, "rb") as source:  # noqa: PTH123 - seen by the observer of a step, as its modules are
            tree = ast.parse(source.read(), file)
    except (OSError, SyntaxError, ValueError):
        return _EMPTY
    kept = _kept(tree.body, module)
    effects = None
    if kept:
        effects = compile(ast.Module(body=kept, type_ignores=[]), file, "exec", dont_inherit=True)
    return Body(effects, tuple(dict.fromkeys(_imports(tree, module))))


def _imports(tree: ast.Module, module: ModuleType) -> list[str]:
    """Project modules that the body imports, their parent packages included. Imports inside functions are not followed."""
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    wanted = [*_parents(module.__name__)]
    for statement in _statements(tree.body):
        if isinstance(statement, ast.Import):
            wanted += [name.name for name in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            base = statement.module or ""
            if statement.level:
                try:
                    base = resolve_name("." * statement.level + base, package)
                except ImportError:
                    continue
            wanted += [base, *(f"{base}.{name.name}" for name in statement.names)]
    every = [name for each in wanted for name in (*_parents(each), each)]
    return [name for name in every if name in sys.modules and is_project_name(name) and name != module.__name__]


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _statements(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Statements that run at import: those inside `if`, `try`, `with` and loops too."""
    found = []
    for statement in statements:
        found.append(statement)
        for block in _blocks(statement):
            found += _statements(getattr(statement, block))
        for handler in getattr(statement, "handlers", ()):
            found += _statements(handler.body)
    return found


def _blocks(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return []
    return [name for name in ("body", "orelse", "finalbody") if getattr(statement, name, None)]


def _kept(statements: list[ast.stmt], module: ModuleType) -> list[ast.stmt]:
    return [kept for statement in statements if (kept := _keep(statement, module)) is not None]


def _keep(statement: ast.stmt, module: ModuleType) -> ast.stmt | None:
    """The statement with only what changes something in it; None if nothing does."""
    if isinstance(statement, ast.If) and _asks_for_main(statement.test) and module.__name__ != "__main__":
        return None
    blocks = _blocks(statement)
    if not blocks:
        return statement if _acts(statement, module) else None
    inside = {name: _kept(getattr(statement, name), module) for name in blocks}
    for handler in getattr(statement, "handlers", ()):
        inside[f"handler {id(handler)}"] = handler.body = _kept(handler.body, module) or [ast.Pass()]
    if not any(kept and not isinstance(kept[0], ast.Pass) for kept in inside.values()):
        return None
    for name in blocks:
        setattr(statement, name, inside[name] or [ast.Pass()])
    return ast.fix_missing_locations(statement)


def _asks_for_main(test: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(test))


def _acts(statement: ast.stmt, module: ModuleType) -> bool:
    """Whether a simple statement changes something that is no name of its own module."""
    if isinstance(statement, ast.Expr):
        calls = [part for part in ast.walk(statement) if isinstance(part, ast.Call)]
        return any(_counts(call.func, module) for call in calls)
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign | ast.Delete):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    if any(isinstance(part, ast.Attribute | ast.Subscript) for target in targets for part in ast.walk(target)):
        return any(_counts(target, module) for target in targets)
    value = getattr(statement, "value", None)
    if value is None:
        return False
    called = [part.func for part in ast.walk(value) if isinstance(part, ast.Call)]
    return any(_last(function).lstrip("_").startswith(_SETTERS) and _counts(function, module) for function in called)


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _counts(target: ast.expr, module: ModuleType) -> bool:
    """Whether acting on this can change a result: no print, no logger; from a script only what is another package's."""
    root: Any = target
    while not isinstance(root, ast.Name):
        inner = getattr(root, "value", None) or getattr(root, "func", None)
        if inner is None:
            return True
        root = inner
    value = vars(module).get(root.id)
    if root.id in _SILENT_ROOTS or isinstance(value, logging.Logger):
        return False
    if module.__name__ != "__main__":
        return True
    owner = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
    return owner is not None and not is_project_module(owner) and owner.__name__.partition(".")[0] != "homeostat"
