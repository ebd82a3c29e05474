"""What every page knows: the project, its time, and the rooms that read by themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.core.clock import Micros
from homeostat.data.branches import Branches
from homeostat.data.exchange.service import Exchange
from homeostat.data.service import Datasets
from homeostat.pipelines.service import Pipelines
from homeostat.serve.service import Deployments
from homeostat.store.objects import ObjectStore
from homeostat.store.objects.remote import Location, Remote
from homeostat.workspace import Workspace

PAGE_ROWS = 50  # rows of a table before the next page


@dataclass(frozen=True, kw_only=True)
class Here:
    """Where and when a page is read."""

    project: str
    now: Micros
    is_replay: bool
    deployments: Deployments
    datasets: Datasets
    branches: Branches
    exchange: Exchange
    remotes: Mapping[str, Location]
    open_remote: Callable[[str], Remote]
    objects: ObjectStore
    pipelines: Pipelines

    @property
    def frame(self) -> dict[str, Any]:
        """The fields that every context has."""
        return {"project": self.project, "now": self.now, "is_replay": self.is_replay}


def here(workspace: Workspace) -> Here:
    """A replay that has not begun stands at 1970."""
    return Here(
        project=workspace.config.project.name,
        now=workspace.clock.now(),
        is_replay=workspace.config.store.clock == "watermark",
        deployments=workspace.deployments,
        datasets=workspace.datasets,
        branches=workspace.branches,
        exchange=workspace.exchange,
        remotes=workspace.config.remotes,
        open_remote=workspace.remote,
        objects=workspace.objects,
        pipelines=workspace.pipelines,
    )
