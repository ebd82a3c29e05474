"""What a step reads beside its arguments while it runs: files, folders, environment variables, sockets.

A step that opens `config.yaml` by its path depends on it as much as on an argument. Python tells of opened files, listed
folders and connected sockets through audit events; readers in native code that tell nothing are named in `_NATIVE`;
`os.environ` is watched by its class. All of it is counted for the step whose thread, or a thread it started, does it.

A program that is started counts with its own file and the files its arguments name; one in Python, with all sources of
the project. Not seen: what else programs read, and native readers not named here. What is installed, system files, and
code that `code_digest` follows are somebody else's business: the environment and the code count for themselves.
Installed files that were edited in place count here (`installed`).
"""

# Audit events speak in strings and a hook must be fast; frames and os._Environ have no public name.
# ruff: noqa: PTH100, PTH110, PTH111, PTH112, PTH113, PTH116, PTH118, PTH119, PTH123, PTH207, PTH208, SLF001

import functools
import glob
import importlib
import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import source_from_cache
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from homeostat.core.digests import digest_bytes, digest_chunks, digest_of
from homeostat.pipelines.installed import edited
from homeostat.pipelines.origins import is_project_file, source_files
from homeostat.pipelines.records import FileState, Observed

_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib/", "/lib64/")
_INSTALLED = tuple({os.path.join(sys.prefix, ""), os.path.join(sys.base_prefix, "lib", "")})
# How long after its last change a file can still change without a new time: clocks of file systems tick in milliseconds.
_TICK_NS = 50_000_000
_CHUNK = 1 << 20
# Functions of `os` and Mapping, between reader and variable.
_MIXINS = frozenset({"getenv", "get", "__contains__", "setdefault", "pop"})
# Functions that open a path in native code, unseen by audit hooks: module -> names.
_NATIVE: dict[str, tuple[str, ...]] = {
    "polars": (
        *("read_csv", "read_csv_batched", "scan_csv", "read_parquet", "scan_parquet", "read_ipc", "read_ipc_stream"),
        *("scan_ipc", "read_json", "read_ndjson", "scan_ndjson", "read_avro", "read_excel"),
    ),
    "pyarrow": ("memory_map",),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.dataset": ("dataset",),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.json": ("read_json",),
    "pyarrow.parquet": (
        "read_table",
        "read_metadata",
        "read_schema",
        "ParquetFile.__init__",
        "ParquetDataset.__init__",
    ),
}
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
_SOURCES = ("source", "where", "path", "path_or_paths", "input_file")  # names of their first parameter


class Reads:
    """Notes what one step reads. The notes of its threads may interleave: each is one operation on a dict or set."""

    def __init__(self, root: Path, home: Path, declared: tuple[str, ...]) -> None:
        self._root = os.path.join(root, "")
        self._home = os.path.join(home, "")
        self._declared = declared
        self._began_ns = time.time_ns()
        self._loaded = frozenset(sys.modules)
        self._files: dict[str, os.stat_result | None] = {}
        self._folders: set[str] = set()
        self._made: set[str] = set()
        self._variables: dict[str, str] = {}
        self._assigned: set[str] = set()
        self._walk: tuple[int, int] | None = None
        self._sockets: dict[str, None] = {}
        self._programs: dict[str, None] = {}

    def opened(self, path: Any, mode: str | None, flags: int) -> None:
        """A file is opened; an attempt that will fail counts too, for the file may be there the next time."""
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor: whoever opened it was told of
        name = os.path.abspath(os.fsdecode(path))
        if self._is_foreign(name):
            return
        if mode is None:
            writes, fresh = bool(flags & (os.O_WRONLY | os.O_RDWR)), bool(flags & (os.O_TRUNC | os.O_WRONLY))
        else:
            writes, fresh = any(sign in mode for sign in "wax+"), any(sign in mode for sign in "wax")
        if not fresh and name not in self._made:
            self.read(name)
        if writes:
            self._made.add(name)

    def read(self, name: str) -> None:
        """The file of an absolute path is read."""
        if name not in self._files and not self._is_foreign(name):
            self._files[name] = _stat(name)

    def listed(self, path: Any) -> None:
        """A folder is listed."""
        if isinstance(path, str | bytes | os.PathLike | None):
            name = os.path.abspath(os.fsdecode(path or "."))
            if not self._is_foreign(os.path.join(name, "")):
                self._folders.add(name)

    def connected(self, address: Any) -> None:
        """A socket connects; those of the machine itself have a path, not a pair."""
        if isinstance(address, tuple):
            self._sockets[f"{address[0]}:{address[1]}"] = None

    def started(self, words: Any, folder: Any) -> None:
        """A program is started, by its command line or the words of one."""
        try:
            words = shlex.split(words) if isinstance(words, str) else [os.fsdecode(word) for word in words]
        except (TypeError, ValueError):  # for the program's caller to see, not for who watches
            return
        where = os.path.abspath(os.fsdecode(folder or "."))
        program = shutil.which(words[0]) or words[0] if words else ""
        if os.path.basename(program) in _SHELLS and "-c" in words[:-1]:
            self.started(words[words.index("-c") + 1], folder)
        self._programs[os.path.basename(program)] = None
        executable = os.path.join(where, program)
        self._files.setdefault(executable, _stat(executable))  # a system's program too
        if os.path.basename(program).startswith("python"):
            for source in source_files(Path(self._root)):
                self.read(str(source))
        for word in words[1:]:
            name = os.path.abspath(os.path.join(where, word.partition("=")[2] or word))
            if os.path.isdir(name):
                self.listed(name)
            elif os.path.isfile(name) and name not in self._made:
                self.read(name)

    def source(self, source: Any) -> None:
        """A native reader is given a path, a pattern, a folder, an address, or several."""
        if isinstance(source, list | tuple):
            for item in source:
                self.source(item)
        elif isinstance(source, str) and "://" in source:
            self._sockets[source] = None
        elif isinstance(source, str | os.PathLike):
            name = os.path.abspath(os.path.expanduser(os.fsdecode(source)))
            found = [name] if os.path.exists(name) else glob.glob(name, recursive=True) or [name]
            for each in found:  # both ways through a folder are told of as listings
                inside = (os.path.join(folder, file) for folder, _, files in os.walk(each) for file in files)
                for file in inside if os.path.isdir(each) else (each,):
                    if file not in self._made:
                        self.read(file)

    def variable(self, name: str, value: str | None, reader: FrameType | None) -> None:
        """A variable is read. Only code of the project counts: libraries look at dozens that change no result."""
        while reader is not None and reader.f_globals.get("__name__") in ("os", "collections.abc"):
            if reader.f_code.co_name not in _MIXINS:
                return
            reader = reader.f_back
        if reader is None or self._walk == (id(reader), reader.f_lasti) or name in self._assigned:
            return
        if name not in self._declared and is_project_file(reader.f_code.co_filename):
            self._variables.setdefault(name, _variable_state(value))

    def assigned(self, name: str) -> None:
        """The step sets a variable: what it reads later is its own."""
        self._assigned.add(name)

    def copied(self, reader: FrameType) -> None:
        """The whole environment is copied, for a child process as a rule: no dependence on each variable."""
        self._walk = id(reader), reader.f_lasti

    def settle(self, parts: Callable[[], Mapping[str, str]]) -> Observed:
        """What was read, with its content.

        Args:
            parts: of the step's code, which needs not be counted again; asked for when modules were imported.
        """
        files = {}
        code = self._code(parts) if any(name.endswith(".py") for name in self._files) else frozenset()
        for name, before in sorted(self._files.items()):
            if name in code:
                continue
            after = _stat(name)
            if before is not None and after is None and before.st_mtime_ns >= self._began_ns:
                continue  # made and deleted meanwhile: no input
            changed = before is not None and _marks(before) != (None if after is None else _marks(after))
            files[self._shown(name)] = FileState(digest=CHANGED) if changed else _file_state(name)
        files |= {self._shown(name): _file_state(name) for name in edited()}
        folders = {os.path.join(self._shown(name), ""): _file_state(os.path.join(name, "")) for name in self._folders}
        return Observed(
            files={**files, **folders},
            variables=dict(sorted(self._variables.items())),
            sockets=tuple(self._sockets),
            programs=tuple(self._programs),
        )

    def _code(self, parts: Callable[[], Mapping[str, str]]) -> frozenset[str]:
        """Files of modules that were loaded before, or that the code digest follows."""
        found = parts()
        counted = {part.partition(" ")[2].partition(":")[0] for part in found}
        return frozenset(
            str(getattr(module, "__file__", ""))
            for name, module in list(sys.modules.items())
            if name in self._loaded or name in counted or "source" in found
        )

    def _shown(self, name: str) -> str:
        return name.removeprefix(self._root)

    def _is_foreign(self, name: str) -> bool:
        if name.startswith((self._home, *_INSTALLED)) or "site-packages" in name:
            return True
        return name.startswith(_SYSTEM) and not name.startswith(self._root)


ABSENT = "absent"  # the state of a file that is not there and of a variable that is not set
CHANGED = "changed meanwhile"  # the state of a file that another read would find different: it equals no state

_reads: ContextVar[Reads | None] = ContextVar("homeostat_reads", default=None)
_threads: WeakKeyDictionary[threading.Thread, Reads] = WeakKeyDictionary()


@contextmanager
def observed(root: Path, home: Path, declared: tuple[str, ...]) -> Iterator[Reads]:
    """Note what this thread, and threads it starts, read in this block.

    Args:
        root: the project.
        home: the workspace's own folder, which is not looked at.
        declared: variables that count already.
    """
    _watch()
    reads = Reads(root.absolute(), home.absolute(), declared)
    token = _reads.set(reads)
    try:
        yield reads
    finally:
        _reads.reset(token)


def has_changed(then: Observed, root: Path) -> bool:
    """Whether something that was read is not now what it was.

    Cost: one stat a file and one listing a folder; a file is read when its times do not vouch for it.
    """
    if any(_variable_state(os.environ.get(name)) != state for name, state in then.variables.items()):
        return True
    if any(name.removeprefix(os.path.join(root, "")) not in then.files for name in edited()):
        return True
    return any(not _is_same(os.path.join(root, name), state) for name, state in then.files.items())


def with_edited(seen: Observed, root: Path) -> Observed:
    """What another process saw, with installed files that were edited in place and are loaded in this one.

    This process is asked next whether the result stands, and would find them missing.
    """
    shown = {name.removeprefix(os.path.join(root, "")): name for name in edited()}
    missing = {name: _file_state(path) for name, path in shown.items() if name not in seen.files}
    return msgspec.structs.replace(seen, files=seen.files | missing) if missing else seen


def _is_same(name: str, state: FileState) -> bool:
    if state.marks:
        found = _stat(name)
        if found is not None and _marks(found) == state.marks:
            return True
    return state.digest != CHANGED and _file_state(name).digest == state.digest


def _current() -> Reads | None:
    return _reads.get() or _threads.get(threading.current_thread())


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except (OSError, ValueError):
        return None


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _file_state(name: str) -> FileState:
    """Digest of a file or of a folder's names."""
    try:
        if name.endswith(os.sep):
            return FileState(digest=digest_of(sorted(os.listdir(name))))
        before = os.stat(name)
        with open(name, "rb") as file:
            digest = digest_chunks(iter(functools.partial(file.read, _CHUNK), b""))
    except (OSError, ValueError):
        return FileState(digest=ABSENT)
    settled = time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) > _TICK_NS
    return FileState(digest=digest, marks=_marks(before) if settled else ())


def _variable_state(value: str | None) -> str:
    return ABSENT if value is None else digest_bytes(value.encode(errors="surrogateescape"))  # it may be a secret


class _Environment(os._Environ[str]):
    """`os.environ`, telling the step that reads it."""

    def __getitem__(self, key: str) -> str:
        reads = _current()
        if reads is None:
            return super().__getitem__(key)
        value = None
        try:
            value = super().__getitem__(key)
            return value
        finally:
            reads.variable(key, value, sys._getframe(1))

    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, value)
        reads = _current()
        if reads is not None:
            reads.assigned(key)

    def keys(self) -> Any:
        reads = _current()
        if reads is not None:
            reads.copied(sys._getframe(1))
        return super().keys()


@functools.cache
def _watch() -> None:
    """Start to watch: once in a process, when the first step runs; there is no way to stop audit hooks."""
    os.environ.__class__ = _Environment
    start = threading.Thread.start

    @functools.wraps(start)
    def start_told(thread: threading.Thread) -> None:  # Python 3.11 has no audit event for it
        reads = _current()
        if reads is not None:
            _threads[thread] = reads
        start(thread)

    setattr(threading.Thread, "start", start_told)  # noqa: B010 - a method cannot be assigned to by name
    sys.addaudithook(_hook())


def _watch_native() -> None:
    for module, names in _NATIVE.items():
        for name in names:
            holder: Any = importlib.import_module(module)
            *outer, last = name.split(".")
            for part in outer:
                holder = getattr(holder, part)
            if hasattr(holder, last):
                setattr(holder, last, _told(getattr(holder, last), 1 if outer else 0))


def _told(function: Callable[..., Any], at: int) -> Callable[..., Any]:
    """`function`, telling of the path in its argument number `at`."""

    @functools.wraps(function)
    def reader(*args: Any, **kwargs: Any) -> Any:
        reads = _current()
        if reads is not None:
            given = [kwargs[name] for name in _SOURCES if name in kwargs]
            reads.source(args[at] if len(args) > at else given[0] if given else None)
        return function(*args, **kwargs)

    return reader


def _hook() -> Callable[[str, tuple[Any, ...]], None]:
    def on_open(reads: Reads, args: tuple[Any, ...]) -> None:
        path, mode, flags = args
        if isinstance(path, str) and path.endswith(".pyc") and "__pycache__" in path:
            path = source_from_cache(path)
        reads.opened(path, mode, flags)

    def on_list(reads: Reads, args: tuple[Any, ...]) -> None:
        if not sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
            reads.listed(args[0])

    handlers: dict[str, Callable[[Reads, tuple[Any, ...]], None]] = {
        "open": on_open,
        "sqlite3.connect": lambda reads, args: reads.opened(args[0], "r+", 0),
        "os.listdir": on_list,
        "os.scandir": on_list,
        "socket.connect": lambda reads, args: reads.connected(args[1]),
        "subprocess.Popen": lambda reads, args: reads.started(args[1], args[2]),
        "os.system": lambda reads, args: reads.started(os.fsdecode(args[0]), None),
        "os.posix_spawn": lambda reads, args: reads.started(args[1], None),
    }
    current = _current  # bound here: at the end of a process the names of a module go first

    def hook(event: str, args: tuple[Any, ...]) -> None:
        handler = handlers.get(event)
        if handler is not None:
            reads = current()
            if reads is not None:
                handler(reads, args)

    return hook


_watch_native()  # at import, before a project's `from polars import read_csv` can take the function itself
