"""The code digest of a step: everything in reach that can change what it computes.

From the step's function the walk follows globals, attribute chains on modules, closures, defaults, decorators, classes
with bases and attributes, partials, containers of functions and imports inside functions, through project code to
its end. Each function counts by its bytecode *and* by what its names are bound to, so that exchanging one helper for
another is seen even when both were in reach before. Values count by value at the time of the call. What a module
changes elsewhere when it is imported counts too (`module_body`). Installed packages and Python count by version. What
cannot be followed (`eval`, `importlib.import_module`, ...) makes the whole source of the project count; a value that
cannot be counted is refused, with the way out. Too many reruns are a nuisance, one too few is a lie: every doubt is
decided for the rerun.
"""

import builtins
import enum
import functools
import importlib
import sys
from collections.abc import Callable, Iterable
from importlib.util import resolve_name
from pathlib import Path
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, get_args, get_origin

import msgspec

from homeostat.core.digests import Digest, digest_bytes, digest_of
from homeostat.core.errors import InvalidDeclaration
from homeostat.pipelines.bytecode import Import, Name, summary
from homeostat.pipelines.constants import Unspellable, spell
from homeostat.pipelines.frames import hides_locals
from homeostat.pipelines.module_body import body
from homeostat.pipelines.origins import (
    is_project_file,
    is_project_module,
    is_project_name,
    package,
    source_files,
)

_MISSING = object()
_SHOWN = 80  # characters of a constant that are kept as they are, for `why`
# Names whose use defeats static following.
_DYNAMIC = frozenset({"eval", "exec", "__import__", "import_module", "run_path", "run_module", "__subclasses__"})
# Names that read what bytecode leaves out: docstrings, source, line numbers.
_TEXT = frozenset(
    {"__doc__", "getdoc", "getsource", "getsourcelines", "getcomments", "co_firstlineno", "_getframe", "currentframe"}
    | {"f_locals", "f_back", "tb_frame", "getouterframes", "getinnerframes"}
)
_UNFOLLOWED = _DYNAMIC | _TEXT
_NAMESPACE = frozenset({"globals", "vars", "locals"})
# Class attributes that say nothing about behaviour, or are bookkeeping that changes by itself.
_CLASS_SILENT = frozenset(
    {"__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__"}
    | {"_abc_impl", "__abstractmethods__", "__annotations__", "__annotate__", "__parameters__", "__classcell__"}
    | {"_member_map_", "_value2member_map_", "_member_names_", "_new_member_", "__pydantic_parent_namespace__"}
)
_IN_C = (BuiltinFunctionType, MethodDescriptorType, MethodWrapperType, WrapperDescriptorType, ClassMethodDescriptorType)
_IS_MADE_BY_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE: nothing can be put into other classes
_CALLABLES = (FunctionType, type, functools.partial, MethodType, BuiltinFunctionType, staticmethod, classmethod)


class CodeDigest(msgspec.Struct, frozen=True, kw_only=True):
    """The code of a step.

    Attributes:
        digest: the same wherever a function stands: moving a helper to another module changes nothing.
        parts: what was counted, by kind and name: `function flights.features:add_delay`, `signature ...` (hints and name of
            a function that is handed on, not just called), `constant ...`, `class ...`, `import flights.settings` (what the
            import changes elsewhere), `package numpy`, `python`, `source`; each with a digest, a version or the value itself
            when short.
    """

    digest: Digest
    parts: dict[str, str]


def code_digest(function: Any, root: Path, hints: Iterable[Any] = ()) -> CodeDigest:
    """Digest of everything in reach of `function` that can change what it computes.

    Args:
        function: a Python function, or anything callable that wraps one.
        root: the project; read only where the code defeats following.
        hints: types of its arguments, resolved: their classes bring methods along.

    Raises: InvalidDeclaration if a global in reach holds a value that cannot be counted.
    Cost: about 2 µs a name in reach once the bytecode was seen; nothing else is remembered, so it is never stale.
    """
    walk = _Walk(root)
    walk.visit(function, "step")
    for hint in hints:
        walk.annotation(hint, "hints")
    walk.bodies()
    shown = {walk.places.get(key, key): value for key, value in walk.parts.items()}
    return CodeDigest(digest=digest_of(walk.parts), parts=shown)


class _Walk:
    """One walk. A visit returns a reference: text that names what was visited, and that its user counts in turn.

    Attributes:
        parts: what was counted, by reference; functions and constants are named without their module.
        places: names for people, with the module, by reference.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.parts: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self._constants: dict[str, str] = {}
        self._modules: dict[str, None] = {}  # of the project, whose functions and classes were met
        self._seen: dict[int, str] = {}
        self._kept: list[object] = []  # ids stay unique only while their objects live

    def visit(self, value: Any, where: str, *, is_called: bool = False) -> str:
        """Count `value`, found under the name `where`.

        Args:
            is_called: it is called there and then; else a function may be asked for its name and its hints.
        """
        if isinstance(value, FunctionType) and is_project_file(value.__code__.co_filename):
            reference = self._seen.get(id(value)) or self.function(value)
            return reference if is_called else self._signature(value, reference)
        known = self._seen.get(id(value))
        if known is not None:
            return known
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, FunctionType):
            return self._foreign(value, where)
        if isinstance(value, type):
            return self._class(value) if is_project_name(value.__module__) else self._patched(value)
        if isinstance(value, functools.partial | MethodType | staticmethod | classmethod | property):
            return self._around(value, where)
        if hasattr(value, "__wrapped__") and not isinstance(value, type):
            # functools.lru_cache, a step inside a step, and other wrappers that are objects.
            return f"{self._package_of(type(value))} around {self.visit(value.__wrapped__, where)}"
        if isinstance(value, _IN_C):
            return self._builtin(value, where)
        return self._value(value, where)

    def _around(self, value: Any, where: str) -> str:
        """What Python itself wraps around functions."""
        inner: list[str]
        if isinstance(value, functools.partial):
            inner = [self.visit(value.func, where), self._value(value.args, where), self._value(value.keywords, where)]
        elif isinstance(value, MethodType):
            inner = [self.visit(value.__func__, where), self.visit(value.__self__, where)]
        elif isinstance(value, property):
            inner = [self.visit(part, where) for part in (value.fget, value.fset, value.fdel)]
        else:
            inner = [self.visit(value.__func__, where)]
        return f"{type(value).__name__} {digest_of(inner)}"

    def _builtin(self, value: Any, where: str) -> str:
        """A callable in C: `len`, `str.lower`, or a method bound to a value, which then counts too."""
        owner = getattr(value, "__self__", None)
        reference = self._package_of(value)
        if owner is None or isinstance(owner, ModuleType | type):
            return reference
        return f"{reference} of {digest_of(self.visit(owner, where))}"

    def function(self, function: FunctionType) -> str:
        """Count a function of the project with all its names."""
        # Not `__module__` and `__qualname__`: a decorator's wrapper carries those of what it wraps.
        key = self._claim(function, "function", _module_of(function), function.__code__.co_qualname)
        found = summary(function.__code__)
        where = self.places[key].partition(" ")[2]
        bound: list[object] = [found.digest]
        bound += [[name.name, *name.chain, self._name(function, name, self._settle)] for name in found.names]
        bound += [[wanted.module, self._import(function, wanted)] for wanted in found.imports]
        for free, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            bound.append([free, self._cell(cell, f"{where}.{free}")])
        bound.append(self._value(function.__defaults__, f"{where} (defaults)"))
        bound.append(self._value(function.__kwdefaults__, f"{where} (keyword defaults)"))
        if not hides_locals(function, found):
            bound.append(found.locals)
        bound += [[attribute, self._whole_source()] for attribute in sorted(found.attributes & _UNFOLLOWED)]
        bound.append([[name, self.visit(value, f"{where}.{name}")] for name, value in vars(function).items()])
        self.parts[key] = digest_of(bound)
        return key

    def _signature(self, function: FunctionType, reference: str) -> str:
        """Count what whoever gets a function may ask it: its name, its module, its hints."""
        key = f"signature {reference.partition(' ')[2]}"
        if key not in self.parts:
            self.parts[key] = ""
            self.places[key] = f"signature {self.places[reference].partition(' ')[2]}"
            notes = {name: self.annotation(note, key) for name, note in function.__annotations__.items()}
            self.parts[key] = digest_of([function.__module__, function.__qualname__, notes])
        return reference

    def bodies(self) -> None:
        """Count what the modules that were met, and those they import, change when they are imported."""
        waiting, met = list(self._modules), set[str]()
        while waiting:
            name = waiting.pop()
            module = sys.modules.get(name)
            if name in met or module is None or not is_project_module(module):
                continue
            met.add(name)
            found = body(module)
            waiting += found.imports
            if found.effects is not None:
                self.parts[f"import {name}"] = self._body(module, found.effects)
            waiting += [other for other in self._modules if other not in met]

    def _body(self, module: ModuleType, effects: CodeType) -> str:
        # What it works on, such as an application that is being configured, need not be something that can be counted.
        found = summary(effects)
        function = FunctionType(effects, vars(module))
        bound: list[object] = [found.digest]
        for name in found.names:
            try:
                bound.append([name.name, *name.chain, self._name(function, name, self._mention)])
            except InvalidDeclaration:
                bound.append([name.name, *name.chain])
        return digest_of(bound)

    def _mention(self, value: Any, where: str, *, is_called: bool) -> str:
        """As `_settle`, but an object counts by its class only."""
        if isinstance(value, _CALLABLES) or value is None or type(value) in (bool, int, float, str, bytes, tuple):
            return self._settle(value, where, is_called=is_called)
        return str(type(value).__qualname__)

    def _name(self, function: FunctionType, name: Name, settle: Callable[..., str]) -> str:
        if name.name in _UNFOLLOWED:
            return self._whole_source()
        if name.name in _NAMESPACE:
            module = sys.modules.get(_module_of(function))
            return self._module(module) if module else self._whole_source()
        value = function.__globals__.get(name.name, _MISSING)
        where = f"{_module_of(function)}:{name.name}"
        if value is _MISSING:
            value = getattr(builtins, name.name, _MISSING)
        is_called = name.is_called
        for attribute in name.chain:
            if not isinstance(value, ModuleType):
                is_called = False
                break
            if not is_project_module(value):
                return self._within_package(value, name.chain)
            inner = getattr(value, attribute, _MISSING)
            if inner is _MISSING:  # a submodule that somebody imported
                inner = sys.modules.get(f"{value.__name__}.{attribute}", _MISSING)
            if inner is _MISSING:
                return f"{self._module(value)} without {attribute}"
            where = f"{value.__name__}:{attribute}"
            value = inner
        return "undefined" if value is _MISSING else settle(value, where, is_called=is_called)

    def _within_package(self, module: ModuleType, chain: tuple[str, ...]) -> str:
        reference = f"{self._package_named(module.__name__)}:{'.'.join(chain)}"
        value: Any = module
        for attribute in chain:
            if not isinstance(value, ModuleType):
                break
            value = vars(value).get(attribute)  # a plain look: nothing is imported by it
        if isinstance(value, type) or _is_written_here(value):
            return f"{reference} is {self.visit(value, reference)}"
        return reference

    def _patched(self, cls: type) -> str:
        """A class of an installed package, and the project's functions that were put into it."""
        reference = self._package_of(cls)
        if not cls.__flags__ & _IS_MADE_BY_PYTHON:
            return reference
        put = [[name, self.visit(value, reference)] for name, value in vars(cls).items() if _is_written_here(value)]
        return f"{reference} with {digest_of(put)}" if put else reference

    def _settle(self, value: Any, where: str, *, is_called: bool = False) -> str:
        """Visit a global; a plain value becomes a part of its own, so that `why` can show it."""
        reference = self.visit(value, where, is_called=is_called)
        if not reference.startswith("value "):
            return reference
        key = self._constants.get(where)
        if key is None:
            module, _, name = where.partition(":")
            key = self._constants[where] = self._unique("constant", module, name)
        shown = repr(value) if isinstance(value, bool | int | float | str | type(None)) else ""
        self.parts[key] = shown if 0 < len(shown) <= _SHOWN else reference.removeprefix("value ")
        return key

    def _import(self, function: FunctionType, wanted: Import) -> str:
        package_name = function.__globals__.get("__package__") or _module_of(function).rpartition(".")[0]
        name = resolve_name("." * wanted.level + wanted.module, package_name) if wanted.level else wanted.module
        if not is_project_name(name):
            return self._package_named(name)
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            return f"absent {name}"
        if not wanted.names or "*" in wanted.names:
            return self._module(module)
        found = []
        for attribute in wanted.names:
            value = getattr(module, attribute, _MISSING)
            if value is _MISSING and is_project_name(f"{name}.{attribute}"):
                try:
                    value = importlib.import_module(f"{name}.{attribute}")
                except ModuleNotFoundError:
                    value = _MISSING
            found.append("undefined" if value is _MISSING else self._settle(value, f"{name}:{attribute}"))
        return digest_of(found)

    def _cell(self, cell: Any, where: str) -> str:
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            return "unbound"
        return self._settle(value, where)

    def _module(self, module: ModuleType) -> str:
        """A module used as a bare object: every name in it counts."""
        if not is_project_module(module):
            return self._package_named(module.__name__)
        known = self._seen.get(id(module))
        if known is not None:
            return known
        key = self._claim(module, "module", module.__name__, "")
        names = {
            name: self.visit(value, f"{module.__name__}:{name}")
            for name, value in sorted(vars(module).items())
            if not name.startswith("__") or name == "__getattr__"
        }
        self.parts[key] = digest_of(names)
        return key

    def _class(self, cls: type) -> str:
        key = self._claim(cls, "class", cls.__module__, cls.__qualname__)
        where = f"{cls.__module__}:{cls.__qualname__}"
        bound: list[object] = [where, *(self.visit(base, where) for base in cls.__bases__ if base is not object)]
        if type(cls) is not type:
            bound.append(self.visit(type(cls), where))
        if issubclass(cls, enum.Enum):
            bound.append([[name, self._value(member.value, where)] for name, member in cls.__members__.items()])
        for name, value in vars(cls).items():
            if name in _CLASS_SILENT or isinstance(value, MemberDescriptorType | GetSetDescriptorType | enum.Enum):
                continue
            bound.append([name, self._attribute(cls, name, value)])
        notes = vars(cls).get("__annotations__", {})
        bound.append([[name, self.annotation(note, where)] for name, note in notes.items()])
        if issubclass(cls, msgspec.Struct):  # keeps its defaults beside the class's attributes
            bound.append([*cls.__struct_fields__, self._value(cls.__struct_defaults__, where)])
            config = cls.__struct_config__
            bound.append([[name, repr(getattr(config, name))] for name in dir(config) if not name.startswith("_")])
        self.parts[key] = digest_of(bound)
        return key

    def _attribute(self, cls: type, name: str, value: Any) -> str:
        where = f"{cls.__module__}:{cls.__qualname__}.{name}"
        if name == "__dataclass_fields__":
            fields = [[field.name, field.default, field.default_factory] for field in value.values()]
            return digest_of([[self._value(item, where) for item in field] for field in fields])
        try:
            return self.visit(value, where)
        except InvalidDeclaration:
            if name.startswith("__"):  # machinery that a metaclass left behind; the class and its package count
                return self._package_of(type(value))
            raise

    def annotation(self, note: Any, where: str) -> str:
        """Count the classes of a type hint such as `list[Config] | None`."""
        inner = [self.annotation(part, where) for part in get_args(note)]
        if inner:
            return digest_of([str(get_origin(note)), inner])
        return self.visit(note, where) if isinstance(note, type) else str(note)

    def _foreign(self, function: FunctionType, where: str) -> str:
        """A function of an installed package: its version, and the project's callables it closes over."""
        reference = f"{self._package_named(_module_of(function))}:{function.__code__.co_qualname}"
        self._seen[id(function)] = reference
        inner = [self.visit(function.__wrapped__, where)] if hasattr(function, "__wrapped__") else []
        for cell in function.__closure__ or ():
            try:
                inner += self._callables(cell.cell_contents, where)
            except ValueError:  # not bound yet
                continue
        if inner:
            reference = self._seen[id(function)] = f"{reference} around {digest_of(inner)}"
        self._kept.append(function)
        return reference

    def _callables(self, value: Any, where: str) -> list[str]:
        if isinstance(value, _CALLABLES):
            return [self.visit(value, where)]
        if isinstance(value, dict | MappingProxyType):
            return [found for item in value.values() for found in self._callables(item, where)]
        if isinstance(value, list | tuple):
            return [found for item in value for found in self._callables(item, where)]
        return []

    def _value(self, value: Any, where: str) -> str:
        try:
            return f"value {digest_bytes(spell(value, lambda inner: self.visit(inner, where), self._is_own_instance))}"
        except Unspellable as error:
            raise InvalidDeclaration(
                f"{where} holds a {type(value).__module__}.{type(value).__qualname__} whose content cannot be counted "
                f"({error}), so a change of it would go unseen. Make it inside the step, or pass it as an argument."
            ) from error

    def _is_own_instance(self, value: Any) -> bool:
        return is_project_name(type(value).__module__)

    def _whole_source(self) -> str:
        if "source" not in self.parts:
            files = source_files(self._root)
            self.parts["source"] = digest_of(
                {str(file.relative_to(self._root)): digest_bytes(file.read_bytes()) for file in files}
            )
        return "source"

    def _package_named(self, module: str) -> str:
        key, found = package(module)
        self.parts[key] = found
        return f"{key} {module}"

    def _package_of(self, value: Any) -> str:
        module = getattr(value, "__module__", None) or type(value).__module__
        name = getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__qualname__)
        return f"{self._package_named(str(module))}:{name}"

    def _claim(self, value: Any, kind: str, module: str, name: str) -> str:
        """A reference of its own for `value`, given before it is walked, so that cycles end."""
        key = self._unique(kind, module, name)
        self._modules[module] = None
        self._seen[id(value)] = key
        self._kept.append(value)
        return key

    def _unique(self, kind: str, module: str, name: str) -> str:
        """A reference that nothing else has. The order of a walk follows from the code, so the numbers do too."""
        told = f"{kind} {name or module}"
        again = 2
        key = told
        while key in self.parts:
            key, again = f"{told} #{again}", again + 1
        self.parts[key] = ""
        place = f"{kind} {module}:{name}" if name else f"{kind} {module}"
        taken = sum(1 for other in self.places.values() if other.partition(" #")[0] == place)
        self.places[key] = f"{place} #{taken + 1}" if taken else place
        return key


def _is_written_here(value: Any) -> bool:
    """Whether a value found in an installed package is a function of the project: a monkeypatch."""
    if not isinstance(value, FunctionType) or value.__code__.co_filename.startswith("<"):  # generated by the package
        return False
    return is_project_file(value.__code__.co_filename) and is_project_name(_module_of(value))


def _module_of(function: FunctionType) -> str:
    return str(function.__globals__.get("__name__", function.__module__))
