"""The project of the current directory, for scripts and notebooks: `hs.dataset("flights")`, `hs.sql("SELECT ...")`.

It is opened when it is first asked for, and once per process.
"""

import os
import threading
from pathlib import Path

from homeostat.codec.tables import Table
from homeostat.current.handle import DatasetHandle, handle
from homeostat.workspace import Workspace

_opening = threading.Lock()
_opened: dict[tuple[Path, int], Workspace] = {}


def workspace() -> Workspace:
    """The project that holds the current directory.

    Raises: NoWorkspace if neither it nor a parent has a homeostat.toml.
    """
    # A forked process must not share its parent's connections.
    here = (Workspace.root_of(Path.cwd()), os.getpid())
    with _opening:
        if here not in _opened:
            _opened[here] = Workspace.open(here[0])
        return _opened[here]


def dataset(named: str) -> DatasetHandle:
    """A dataset of the current project: the latest version of `flights`, or `flights@3`, or `flights@2013-q1`.

    A dataset that is not there yet has a handle too, to begin it by `append` or `add`; reading from it raises NotFound.

    Raises: NotFound naming what there is, if a version is asked for. NoWorkspace outside of a project.
    """
    return handle(workspace(), named)


def sql(statement: str) -> Table:
    """The rows that a query over datasets of the current project selects: `hs.sql("SELECT count(*) FROM flights")`.

    Raises: NotFound, NotAllowed, BadData as `Datasets.sql`. NoWorkspace outside of a project.
    """
    return workspace().datasets.sql(statement)
