"""What every adapter shares: the step of the project at hand, and whether Python really called it."""

import importlib
import json
import sys
import threading
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any


def project() -> tuple[ModuleType, Any]:
    """The project's `work` module, and the argument its step is called with."""
    work = importlib.import_module("work")
    return work, getattr(work, "ARGUMENT", 3)


def observe(call: Callable[[], Any]) -> dict[str, Any]:
    """Call, and tell whether the body of `compute` in `work.py` was entered, in whatever thread."""
    entered = False

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal entered
        code = frame.f_code
        entered = entered or (event == "call" and code.co_name == "compute" and code.co_filename.endswith("work.py"))

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        result = call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {"ran": entered, "result": repr(result)}


def report(seen: dict[str, Any]) -> None:
    """Print what was seen as the last line, where the suite reads it."""
    print(json.dumps(seen), flush=True)
