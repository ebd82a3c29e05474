"""`homeostat data gc` and `verify`: what the store keeps, and whether it still has it."""

import getpass
import time
from pathlib import Path
from typing import Any

import click

from homeostat.cli.data.progress import Bar
from homeostat.cli.data.remotes import remote_option
from homeostat.cli.options import emit, json_option, project_option
from homeostat.core.clock import SECOND
from homeostat.core.digests import Digest, short
from homeostat.core.durations import duration_us
from homeostat.core.errors import CorruptObject
from homeostat.data.retention.integrity import Loss, check_whole, sentence
from homeostat.data.tags import split
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
            _print_losses(losses, as_json=as_json)
            return
        version = workspace.datasets.find(named)
        try:
            workspace.datasets.verify(version)
        except CorruptObject:
            if not heal:
                raise
            name, _ = split(named)
            with Bar("Mending") as bar:
                workspace.exchange.pull(workspace.remote(remote_name), name, str(version.number), bar, check=True)
            workspace.datasets.verify(version)
    emit(
        {"dataset": version.dataset, "version": version.number, "id": version.id, "rows": version.rows},
        as_json=as_json,
        text=lambda: click.echo(
            f"{version.name}: {version.rows:,} {'files' if version.is_files else 'rows'} are what id {short(version.id)} says."
        ),
    )


def _here(
    workspace: Workspace, dataset: str, keep_last: int | None, before: float, _remote: str, *, apply: bool
) -> tuple[list[str], Collected]:
    datasets = [workspace.datasets.version(dataset).dataset] if dataset else workspace.datasets.names()
    forgetting, manifests = [], set[Digest]()
    if keep_last is not None:
        if apply:
            workspace.needed_objects()  # before anything is forgotten: is every project readable?
            forgetting = workspace.forgetting.forget(datasets, keep_last, actor=getpass.getuser())
        else:
            forgetting = workspace.forgetting.candidates(datasets, keep_last)
        going = {version.node for version in forgetting}
        others = [
            version for name in datasets for version in workspace.datasets.versions(name) if version.node not in going
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


def _print_losses(losses: list[Loss], *, as_json: bool) -> None:
    if as_json and losses:
        emit({"losses": losses}, as_json=True, text=lambda: None)
        raise click.exceptions.Exit(0 if all(loss.healed_from for loss in losses) else 4)
    check_whole(losses)
    emit({"losses": losses}, as_json=as_json, text=lambda: _print_healed(losses))


def _print_healed(losses: list[Loss]) -> None:
    for loss in losses:
        click.echo(sentence(loss))
    click.echo(f"{len(losses)} objects were lost and came back." if losses else "Every object is what its digest says.")
