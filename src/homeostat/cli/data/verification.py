"""`homeostat data verify`: whether the store still has what it keeps."""

from pathlib import Path

import click

from homeostat.cli.data.progress import Bar
from homeostat.cli.data.remotes import remote_option
from homeostat.cli.options import emit, json_option, project_option
from homeostat.core.digests import short
from homeostat.core.errors import CorruptObject
from homeostat.data.catalog.records import Version
from homeostat.data.catalog.tags import split
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("dataset", default="")
@click.option("--version", "label", default="", help="Number or tag; default: the latest.")
@click.option("--heal", is_flag=True, help="Fetch what is damaged or missing from the remotes.")
@remote_option
@json_option
def verify(project: Path | None, dataset: str, label: str, heal: bool, remote_name: str, as_json: bool) -> None:
    """Read every byte of DATASET (name, name@number or name@tag) again and compare it with its digest.

    Without DATASET, every object of the store: data, models, artifacts. What is lost is named with all that it touches.
    """
    named = f"{dataset}@{label}" if label else dataset
    with Workspace.find(project) as workspace:
        if not dataset:
            with Bar("Reading") as bar:
                losses = workspace.integrity.losses(bar)
            if heal and losses:
                remotes = [workspace.remote(remote_name)] if remote_name else workspace.reachable_remotes()
                losses = workspace.integrity.heal(losses, remotes)
            from homeostat.cli.data.losses import print_losses

            print_losses(losses, as_json=as_json)
            return
        version = workspace.catalog.find(named)
        try:
            _check(workspace, version)
        except CorruptObject:
            if not heal:
                raise
            name, _ = split(named)
            with Bar("Mending") as bar:
                workspace.exchange.pull(workspace.remote(remote_name), name, str(version.number), bar, check=True)
            _check(workspace, version)
    emit(
        {"dataset": version.dataset, "version": version.number, "id": version.id, "rows": version.rows},
        as_json=as_json,
        text=lambda: click.echo(
            f"{version.name}: {version.rows:,} {'files' if version.is_files else 'rows'} are what id {short(version.id)} says."
        ),
    )


def _check(workspace: Workspace, version: Version) -> None:
    with Bar(f"reading {version.name}", "bytes" if version.is_files else "rows") as bar:
        if version.is_files:
            workspace.filesets.verify(version, progress=bar)
        else:
            workspace.datasets.verify(version, progress=bar)
