"""`homeostat data gc`: what the store keeps."""

import getpass
import time
from pathlib import Path
from typing import Any

import click

from homeostat.cli.options import emit, json_option, project_option
from homeostat.core.clock import SECOND
from homeostat.core.digests import Digest, short
from homeostat.core.durations import duration_us
from homeostat.store.objects import FileObjects
from homeostat.store.retention.garbage import Collected, check_grace, collect
from homeostat.store.retention.mentions import Mentions
from homeostat.workspace import Workspace


@click.command()
@project_option
@click.argument("dataset", default="")
@click.option("--apply", is_flag=True, help="Delete. Without it, only say what would be deleted.")
@click.option(
    "--keep-last",
    type=int,
    metavar="N",
    help="Also forget older versions of DATASET (default: of all) that nothing uses.",
)
@click.option("--grace", default="14d", show_default=True, help="Spare what was written or wanted less long ago.")
@click.option("--remote", "remote_name", default="", help="Collect on this remote, not here.")
@json_option
def gc(
    project: Path | None,
    dataset: str,
    apply: bool,
    keep_last: int | None,
    grace: str,
    remote_name: str,
    as_json: bool,
) -> None:
    """Delete objects that no version, run, action, model or deployment of any project in this store needs.

    Every version is kept unless --keep-last is given. A forgotten version keeps its row, and can be pulled from a remote.
    """
    grace_s = duration_us(grace) / SECOND
    check_grace(grace_s)
    before = time.time() - grace_s
    with Workspace.find(project) as workspace:
        gather = _on_remote if remote_name else _here
        forgotten, collected = gather(workspace, dataset, keep_last, before, remote_name, apply=apply)
    value = {"forgotten": forgotten, **_counts(collected)}
    emit(value, as_json=as_json, text=lambda: _print(forgotten, collected))


def _here(
    workspace: Workspace, dataset: str, keep_last: int | None, before: float, _remote: str, *, apply: bool
) -> tuple[list[str], Collected]:
    datasets = [workspace.catalog.version(dataset).dataset] if dataset else workspace.catalog.names()
    forgetting, manifests = [], set[Digest]()
    if keep_last is not None:
        if apply:
            workspace.needed_objects()  # before anything is forgotten: is every project readable?
            forgetting = workspace.forgetting.forget(datasets, keep_last, actor=getpass.getuser())
        else:
            forgetting = workspace.forgetting.candidates(datasets, keep_last)
        going = {version.node for version in forgetting}
        others = [
            version for name in datasets for version in workspace.catalog.versions(name) if version.node not in going
        ]
        manifests = {version.manifest for version in forgetting} - {version.manifest for version in others}
    shelf = FileObjects(workspace.store_folder)

    def marked() -> set[Digest]:
        needed = workspace.needed_objects()
        return Mentions(shelf).reached(needed if apply else needed - manifests)

    collected = collect(shelf, marked, before=before, apply=apply)
    return [version.name for version in forgetting], collected


def _on_remote(
    workspace: Workspace, dataset: str, keep_last: int | None, before: float, remote_name: str, *, apply: bool
) -> tuple[list[str], Collected]:
    from homeostat.data.exchange.clearing import clear_on, clearable_on, needed_on

    remote = workspace.remote(remote_name)
    needed_on(remote)  # before anything is forgotten: is every project's document readable?
    cleared = []
    if keep_last is not None:
        choose = clear_on if apply else clearable_on
        cleared = choose(remote, workspace.config.project.name, [dataset] if dataset else [], keep_last)
    going = {(one.version.dataset, one.version.number) for one in cleared}
    collected = collect(
        remote, lambda: needed_on(remote, workspace.config.project.name, going), before=before, apply=apply
    )
    return [one.version.name for one in cleared], collected


def _counts(collected: Collected) -> dict[str, Any]:
    return {
        "applied": collected.is_applied,
        "objects": collected.objects,
        "bytes": collected.bytes,
        "deleted": collected.unneeded,
        "deleted_bytes": collected.unneeded_bytes,
        "in_grace": collected.waiting,
        "in_grace_bytes": collected.waiting_bytes,
    }


def _print(forgotten: list[str], collected: Collected) -> None:
    done = collected.is_applied
    if forgotten:
        click.echo(f"{'Forgotten' if done else 'Would be forgotten'}: {', '.join(forgotten)}")
    for digest in collected.unneeded:
        click.echo(f"  {short(digest)}")
    click.echo(
        f"{len(collected.unneeded):,} of {collected.objects:,} objects {'deleted' if done else 'would be deleted'}: "
        f"{collected.unneeded_bytes:,} of {collected.bytes:,} bytes."
    )
    if collected.waiting:
        click.echo(
            f"{collected.waiting:,} more ({collected.waiting_bytes:,} bytes) are unneeded, but in their grace period."
        )
    if not done and (forgotten or collected.unneeded):
        click.echo("Nothing was deleted. To delete: the same command with --apply")
