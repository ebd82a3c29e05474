"""Model files back to living models: the only place that unpickles.

Unpickling runs whatever code the bytes name. So only pipeline steps and the serving worker's process import this
module, never the server or the gateway.
"""

import importlib
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from homeostat.codec.models import Model, ModelFile, Transform, describe, library_versions
from homeostat.core.digests import short
from homeostat.core.errors import CorruptObject

_importing = threading.RLock()  # sys.path and sys.modules belong to the whole process


def load(content: bytes, code_root: Path | None) -> Model:
    """The model of a model file, with its transform from the code it was trained with.

    Args:
        content: bytes of a `ModelFile`.
        code_root: its code tree written out (`capture.code.materialise`), put first on `sys.path`; None if the
            modules that the process has are the right ones. Modules of the same names that were imported from
            elsewhere are set aside meanwhile and put back, so that a champion and its challenger can be evaluated side
            by side, each with its own code. They must import at their top level, not inside functions, for that.

    Raises: CorruptObject if the bytes are not a model file, or the code or libraries to load it are missing.
        NewerWorkspace if a later version wrote it.
    """
    file = describe(content)
    with _importing, _code(code_root):
        try:
            transform = None if file.transform is None else _resolve(file.transform)
            estimator = pickle.loads(file.estimator)  # noqa: S301 - the one place for it; see the module docstring
        except Exception as error:  # broken bytes and foreign code raise anything
            raise CorruptObject(
                f"Model {short(file.canonical)} cannot be loaded here: {error}. It was trained from code tree "
                f"{short(file.code)} (given: {code_root}) with {file.libraries}; different now: {version_differences(file)}."
            ) from error
    return Model(estimator, transform, name=file.name, signature=file.signature, kind=file.kind)


def version_differences(file: ModelFile) -> dict[str, tuple[str, str | None]]:
    """Libraries whose version is not the recorded one: name -> (recorded, present or None if not loaded)."""
    present = library_versions(file.libraries.keys() - {"python"})
    return {
        name: (recorded, present.get(name))
        for name, recorded in file.libraries.items()
        if present.get(name) != recorded
    }


def _resolve(name: str) -> Transform:
    module, _, function = name.partition(":")
    found: Transform = getattr(importlib.import_module(module), function)
    return found


@contextmanager
def _code(root: Path | None) -> Iterator[None]:
    """Imports come from `root` first. What it displaced is put back; if it displaced nothing it stays."""
    if root is None:
        yield
        return
    places = [place for place in (root.resolve(), root.resolve() / "src") if place.is_dir()]
    path = sys.path[:]
    foreign = _foreign(places)
    displaced = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in foreign}
    for name in displaced:
        del sys.modules[name]
    sys.path[:0] = [str(place) for place in places if str(place) not in path]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if displaced:
            names = {name.partition(".")[0] for name in displaced}
            for name in [name for name in sys.modules if name.partition(".")[0] in names]:
                del sys.modules[name]
            sys.modules.update(displaced)
            sys.path[:] = path


def _foreign(places: list[Path]) -> set[str]:
    """Top-level names of modules that are in `places`, which the process has imported from elsewhere."""
    ours = {
        entry.stem
        for place in places
        for entry in place.iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    }
    imported = (ours & sys.modules.keys()) - sys.stdlib_module_names - {"homeostat", "__main__"}
    return {name for name in imported if not _is_under(sys.modules[name], places)}


def _is_under(module: ModuleType, places: list[Path]) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and any(Path(file).resolve().is_relative_to(place) for place in places)
