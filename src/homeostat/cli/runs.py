"""`homeostat runs`: what was tracked, from the terminal."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import click

from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.configuration import HOME
from homeostat.core.clock import DAY, Micros, iso
from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound, UserError
from homeostat.current.destinations import project_or_folder
from homeostat.track import experiments, queries, retention
from homeostat.track.export import Form, written
from homeostat.track.records import Life, RunDetail, RunSummary
from homeostat.track.search.pages import find_runs
from homeostat.track.search.selection import Selection
from homeostat.track.spool import spools_of
from homeostat.workspace import Workspace

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24  # of a sparkline
_GRACE_DAYS = 30.0
_COLUMNS = 6  # of metrics in a list
ids_argument = click.argument("ids", nargs=-1, required=True, metavar="RUN...")


@click.group()
def runs() -> None:
    """List, compare, export and delete runs."""


@runs.command("list")
@project_option
@click.argument("filter_", metavar="[FILTER]", default="")
@click.option("--experiment", "names", multiple=True, help="Only of this experiment; may be repeated.")
@click.option("--order", "order_by", multiple=True, help="Such as 'metrics.loss ASC'; default: newest first.")
@click.option("--limit", type=click.IntRange(1, 50_000), default=30, show_default=True)
@click.option("--page", default="", help="Token of the page to show, as the page before printed it.")
@click.option("--deleted", "is_deleted", is_flag=True, help="Those that were deleted.")
@json_option
def list_(
    project: Path | None,
    filter_: str,
    names: tuple[str, ...],
    order_by: tuple[str, ...],
    limit: int,
    page: str,
    is_deleted: bool,
    as_json: bool,
) -> None:
    """List runs that FILTER holds for: "metrics.loss < 0.3 AND params.model = 'cnn'"."""
    life: Life = "deleted" if is_deleted else "active"
    with _opened(project) as workspace, workspace.database.read() as connection:
        numbers = experiments.ids(connection, names) if names else None
        found = find_runs(
            connection, filter_, experiment_ids=numbers, order_by=order_by, limit=limit, page_token=page, life=life
        )
    emit(found, as_json=as_json, text=lambda: _print_list(found.runs, found.next_token))


@runs.command()
@project_option
@click.argument("run_id", metavar="RUN")
@json_option
def show(project: Path | None, run_id: str, as_json: bool) -> None:
    """Show all of RUN, with its curves as sparklines."""
    with _opened(project) as workspace, workspace.database.read() as connection:
        detail = queries.get(connection, run_id)
        curves = {one.key: queries.series(connection, run_id, one.key).values for one in detail.metrics}
    emit(detail, as_json=as_json, text=lambda: _print_run(detail, curves))


@runs.command()
@project_option
@ids_argument
@json_option
def compare(project: Path | None, ids: tuple[str, ...], as_json: bool) -> None:
    """Show runs side by side: params and metrics that differ come first."""
    _print_differences(project, ids, as_json=as_json, only_differences=False)


@runs.command()
@project_option
@click.argument("first")
@click.argument("second")
@json_option
def diff(project: Path | None, first: str, second: str, as_json: bool) -> None:
    """Show what differs between two runs: params, metrics, tags, code, environment, artifacts."""
    _print_differences(project, (first, second), as_json=as_json, only_differences=True)


@runs.command()
@project_option
@click.argument("filter_", metavar="[FILTER]", default="")
@click.option("--experiment", "names", multiple=True, help="Only of this experiment; may be repeated.")
@click.option("--order", "order_by", multiple=True, help="Such as 'metrics.loss ASC'; default: newest first.")
@click.option("--deleted", "is_deleted", is_flag=True, help="Those that were deleted.")
@click.option("--format", "form", type=click.Choice(["csv", "json", "notebook"]), default="csv", show_default=True)
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="A file; default: stdout.")
def export(
    project: Path | None,
    filter_: str,
    names: tuple[str, ...],
    order_by: tuple[str, ...],
    is_deleted: bool,
    form: Form,
    to: Path | None,
) -> None:
    """Write the runs that FILTER holds for, a row each: CSV, JSON, or a notebook that loads them."""
    life: Life = "deleted" if is_deleted else "active"
    with _opened(project) as workspace, workspace.database.read() as connection:
        numbers = tuple(experiments.ids(connection, names)) if names else None
        selection = Selection(text=filter_, experiment_ids=numbers, order_by=order_by, life=life)
        parts = written(connection, selection, form)
        first = next(parts)  # a filter that cannot be read makes no file
        if to is None:
            for part in chain([first], parts):
                click.echo(part, nl=False)
        else:
            with to.open("w", encoding="utf-8", newline="") as file:
                file.writelines(chain([first], parts))
            click.echo(f"Written: {to}.", err=True)


@runs.command()
@project_option
@ids_argument
@json_option
def delete(project: Path | None, ids: tuple[str, ...], as_json: bool) -> None:
    """Throw runs away. `restore` brings them back until `gc` deletes them for good."""
    with _opened(project) as workspace, workspace.database.write() as connection:
        retention.throw_away(connection, ids, workspace.clock.now())
    emit(
        {"deleted": ids}, as_json=as_json, text=lambda: click.echo(f"Deleted {len(ids)}. Back: homeostat runs restore")
    )


@runs.command()
@project_option
@ids_argument
@json_option
def restore(project: Path | None, ids: tuple[str, ...], as_json: bool) -> None:
    """Bring deleted runs back."""
    with _opened(project) as workspace, workspace.database.write() as connection:
        retention.restore(connection, ids, workspace.clock.now())
    emit({"restored": ids}, as_json=as_json, text=lambda: click.echo(f"Restored {len(ids)}."))


@runs.command()
@project_option
@click.option(
    "--older-than", "days", type=click.FloatRange(min=0), default=_GRACE_DAYS, show_default=True, help="Days."
)
@click.option("--yes", "is_meant", is_flag=True, help="Delete; without it only what would be deleted is shown.")
@json_option
def gc(project: Path | None, days: float, is_meant: bool, as_json: bool) -> None:
    """Delete for good what was thrown away long enough ago. Runs that made registered models stay."""
    from homeostat.registry.queries import runs_of_models

    with _opened(project) as workspace, workspace.database.write() as connection:
        before = Micros(workspace.clock.now() - int(days * DAY))
        found = retention.collect(connection, before, runs_of_models(connection), dry_run=not is_meant)

    def tell() -> None:
        verb = "Deleted" if is_meant else "Would delete"
        click.echo(f"{verb} {len(found.runs)} runs and {len(found.experiments)} experiments.")
        if found.kept:
            click.echo(f"Kept {len(found.kept)} that made registered models: {', '.join(found.kept)}")
        if not is_meant and found.runs:
            click.echo("Do it: homeostat runs gc --yes. The files of artifacts then go with: homeostat data gc")

    emit(found, as_json=as_json, text=tell)


@click.command()
@project_option
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--server", default="", envvar="HOMEOSTAT_SERVER", help="Send them to this server instead of the project."
)
@json_option
def sync(project: Path | None, folder: Path | None, server: str, as_json: bool) -> None:
    """Bring the runs that were tracked offline in FOLDER into this project, or send them to a server.

    Without FOLDER: what waits here for the server, because it did not answer.
    """
    if folder is not None:
        spools_of(folder)
    if server:
        from homeostat.current.server import OnServer

        root, _ = project_or_folder(project or Path.cwd())
        taken, killed = OnServer(server, folder, home=root / HOME).recover()
    elif folder is not None:
        with _opened(project, is_new_fine=True) as workspace:
            taken, killed = workspace.runs.bring_home(folder)
    else:
        raise UserError("Say which FOLDER to bring home, or which --server to send to what waits for it.")

    def tell() -> None:
        what = "1 process" if taken == 1 else f"{taken} processes"
        click.echo(f"{'Sent' if server else 'Brought home'} what {what} tracked." if taken else "Nothing new.")
        if killed:
            click.echo(f"Ended without being finished: {', '.join(killed)}")

    emit({"taken": taken, "killed": killed}, as_json=as_json, text=tell)


def sparkline(values: Sequence[float], width: int = _WIDTH) -> str:
    """A curve in one line of text: the mean of what falls into each column; blank where there is no finite number."""
    if not values:
        return ""
    columns = min(width, len(values))
    means: list[float | None] = []
    for column in range(columns):
        part = values[column * len(values) // columns : (column + 1) * len(values) // columns]
        finite = [value for value in part if math.isfinite(value)]
        means.append(math.fsum(value / len(finite) for value in finite) if finite else None)
    known = [mean for mean in means if mean is not None]
    if not known:
        return " " * columns
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / (high - low) if math.isfinite(high - low) and high > low else 0.0
    return "".join(" " if mean is None else _BARS[round((mean - low) * scale)] for mean in means)


@contextmanager
def _opened(project: Path | None, *, is_new_fine: bool = False) -> Iterator[Workspace]:
    """The project, or the `.homeostat/` of a directory without one."""
    root, is_declared = project_or_folder(project or Path.cwd())
    is_kept_here = not is_declared and (is_new_fine or (root / HOME / "homeostat.db").is_file())
    with Workspace.undeclared(root) if is_kept_here else Workspace.find(project) as workspace:
        workspace.runs.recover()
        yield workspace


def _print_list(found: Sequence[RunSummary], next_token: str) -> None:
    if not found:
        click.echo("No runs.")
        return
    keys = list(dict.fromkeys(m.key for one in found for m in one.metrics if not m.key.startswith("system/")))[
        :_COLUMNS
    ]
    rows = []
    for one in found:
        values = {metric.key: f"{metric.value:.4g}" for metric in one.metrics}
        cells = (values.get(key, "") for key in keys)
        rows.append((one.run.id, one.run.name, one.run.status, iso(one.run.started_at), *cells))
    print_table(("run", "name", "status", "started", *(f">{key}" for key in keys)), rows)
    if next_token:
        click.echo(f"There are more: --page {next_token}")


def _print_run(detail: RunDetail, curves: dict[str, list[float]]) -> None:
    run = detail.run
    click.echo(f"{click.style(run.name, bold=True)}  {run.status}  {run.id}")
    ended = f", ended {iso(run.finished_at)}" if run.finished_at else ""
    click.echo(f"  started {iso(run.started_at)}{ended} by {run.user or 'nobody known'}")
    for name, value in (("code", run.code), ("environment", run.environment), ("note", run.note)):
        if value:
            click.echo(f"  {name} {value}")
    for key, param in detail.params.items():
        click.echo(f"  param {key} = {param}")
    for key, tag in detail.tags.items():
        click.echo(f"  tag {key} = {tag}")
    for used in detail.inputs:
        click.echo(f"  dataset {used.name} {used.digest}")
    for metric in detail.metrics:
        line = sparkline(curves[metric.key])
        click.echo(f"  {metric.key:24} {line:{_WIDTH}} {metric.value:.6g} at {metric.step} of {metric.points} points")
    for kept in detail.artifacts:
        click.echo(f"  artifact {kept.name}  {kept.size_bytes} bytes")
    if run.error:
        click.echo(f"  {run.error}")


def _print_differences(project: Path | None, ids: Sequence[str], *, as_json: bool, only_differences: bool) -> None:
    if len(ids) < 2:
        raise UserError("One run cannot be compared. Name two or more.")
    with _opened(project) as workspace, workspace.database.read() as connection:
        found = [queries.get(connection, run_id) for run_id in ids]
        objects = workspace.objects
        changed = _changed_files(found[0].run.code, found[1].run.code, objects) if only_differences else {}
    sides = [_facts(detail) for detail in found]
    rows = [(name, [side.get(name, "") for side in sides]) for name in dict.fromkeys(n for side in sides for n in side)]
    rows.sort(key=lambda row: len(set(row[1])) == 1)
    if only_differences:
        rows = [row for row in rows if len(set(row[1])) > 1]

    def tell() -> None:
        print_table(("", *ids), [(name, *values) for name, values in rows])
        for kind, paths in changed.items():
            for path in paths:
                click.echo(f"code {kind}: {path}")

    values = {name: dict(zip(ids, row, strict=True)) for name, row in rows}
    emit({"rows": values, "code": changed}, as_json=as_json, text=tell)


def _changed_files(first: str, second: str, objects: Any) -> dict[str, list[str]]:
    """What differs between two code trees; nothing if either was not captured or is not here any more."""
    from homeostat.capture import code

    if not first or not second or first == second:
        return {}
    try:
        found = code.diff(Digest(first), Digest(second), objects)
    except NotFound:
        return {}
    return {"added": list(found.added), "removed": list(found.removed), "changed": list(found.changed)}


def _facts(detail: RunDetail) -> dict[str, str]:
    run = detail.run
    return {
        "name": run.name,
        "status": run.status,
        **{f"metrics.{metric.key}": f"{metric.value:.6g}" for metric in detail.metrics},
        **{f"params.{key}": str(value) for key, value in detail.params.items()},
        **{f"tags.{key}": value for key, value in detail.tags.items()},
        **{f"data.{used.name}": used.digest for used in detail.inputs},
        **{f"artifacts.{kept.name}": kept.digest[:12] for kept in detail.artifacts},
        "code": run.code[:12],
        "environment": run.environment[:12],
    }
