"""`homeostat runs`: what was tracked, from the terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
from sqlalchemy import Connection

from homeostat.cli.options import emit, json_option, project_option
from homeostat.configuration import HOME
from homeostat.core.clock import DAY, Micros
from homeostat.core.errors import UserError
from homeostat.current.destinations import project_or_folder
from homeostat.track import experiments, naming, queries, retention
from homeostat.track.export import Form, written
from homeostat.track.records import Life
from homeostat.track.search.pages import find_runs
from homeostat.track.search.selection import Selection
from homeostat.track.spool import spools_of
from homeostat.workspace import Workspace

_DRAWN = 200  # runs of a list with a curve
_GRACE_DAYS = 30.0
system_option = click.option("--system", "with_system", is_flag=True, help="Metrics of the machine too.")
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
    """List runs that FILTER holds for: "metrics.loss < 0.3 AND params.model = 'cnn'".

    The curve is that of the metric that tells most. Names such as val/loss stand in backticks: "metrics.`val/loss` < 0.3".
    """
    from homeostat.cli import runs_text

    life: Life = "deleted" if is_deleted else "active"
    with opened(project) as workspace, workspace.database.read() as connection:
        numbers = experiments.ids(connection, names) if names else None
        found = find_runs(
            connection, filter_, experiment_ids=numbers, order_by=order_by, limit=limit, page_token=page, life=life
        )
        key = runs_text.first_metric(found.runs)
        is_drawn = not as_json and key is not None and len(found.runs) <= _DRAWN
        drawn = (
            _curves(connection, [one.run.id for one in found.runs], [str(key)], runs_text.NARROW) if is_drawn else {}
        )
    curves = drawn.get(str(key), {})
    emit(found, as_json=as_json, text=lambda: runs_text.print_list(found.runs, curves, found.next_token))


@runs.command()
@project_option
@click.argument("named", metavar="RUN")
@system_option
@json_option
def show(project: Path | None, named: str, with_system: bool, as_json: bool) -> None:
    """Show all of RUN, with its curves: an id, its beginning or end, a name, or `latest`."""
    from homeostat.cli import runs_text

    with opened(project) as workspace, workspace.database.read() as connection:
        detail = queries.get(connection, naming.resolve(connection, named))
        experiment = experiments.get(connection, detail.run.experiment_id).name
        keys = [metric.key for metric in detail.metrics if metric.points > 1]
        drawn = {} if as_json else _curves(connection, [detail.run.id], keys, runs_text.WIDTH)
    curves = {key: of_key.get(detail.run.id, []) for key, of_key in drawn.items()}
    emit(
        detail,
        as_json=as_json,
        text=lambda: runs_text.print_run(detail, experiment, curves, with_system=with_system),
    )


@runs.command()
@project_option
@ids_argument
@system_option
@json_option
def compare(project: Path | None, ids: tuple[str, ...], with_system: bool, as_json: bool) -> None:
    """Show runs side by side: params and metrics that differ come first."""
    _compare(project, ids, as_json=as_json, only_differences=False, with_system=with_system)


@runs.command()
@project_option
@click.argument("first")
@click.argument("second")
@click.option("--code", "with_diff", is_flag=True, help="Also how the code differs, line by line.")
@system_option
@json_option
def diff(project: Path | None, first: str, second: str, with_diff: bool, with_system: bool, as_json: bool) -> None:
    """Show what differs between two runs: params, metrics, tags, data, artifacts, code, packages."""
    _compare(
        project, (first, second), as_json=as_json, only_differences=True, with_system=with_system, with_diff=with_diff
    )


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
    with opened(project) as workspace, workspace.database.read() as connection:
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
    with opened(project) as workspace, workspace.database.write() as connection:
        found = [naming.resolve(connection, text) for text in ids]
        retention.throw_away(connection, found, workspace.clock.now())
    emit(
        {"deleted": found},
        as_json=as_json,
        text=lambda: click.echo(f"Deleted {len(ids)}. Back: homeostat runs restore"),
    )


@runs.command()
@project_option
@ids_argument
@json_option
def restore(project: Path | None, ids: tuple[str, ...], as_json: bool) -> None:
    """Bring deleted runs back."""
    with opened(project) as workspace, workspace.database.write() as connection:
        found = [naming.resolve(connection, text) for text in ids]
        retention.restore(connection, found, workspace.clock.now())
    emit({"restored": found}, as_json=as_json, text=lambda: click.echo(f"Restored {len(ids)}."))


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

    with opened(project) as workspace, workspace.database.write() as connection:
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
        with opened(project, is_new_fine=True) as workspace:
            taken, killed = workspace.runs.bring_home(folder)
    else:
        raise UserError("Say which FOLDER to bring home, or which --server to send to what waits for it.")

    def tell() -> None:
        what = "1 process" if taken == 1 else f"{taken} processes"
        click.echo(f"{'Sent' if server else 'Brought home'} what {what} tracked." if taken else "Nothing new.")
        if killed:
            click.echo(f"Ended without being finished: {', '.join(killed)}")

    emit({"taken": taken, "killed": killed}, as_json=as_json, text=tell)


@contextmanager
def opened(project: Path | None, *, is_new_fine: bool = False) -> Iterator[Workspace]:
    """The project, or the `.homeostat/` of a directory without one."""
    root, is_declared = project_or_folder(project or Path.cwd())
    is_kept_here = not is_declared and (is_new_fine or (root / HOME / "homeostat.db").is_file())
    with Workspace.undeclared(root) if is_kept_here else Workspace.find(project) as workspace:
        workspace.runs.recover()
        yield workspace


def _compare(
    project: Path | None,
    named: Sequence[str],
    *,
    as_json: bool,
    only_differences: bool,
    with_system: bool,
    with_diff: bool = False,
) -> None:
    from homeostat.cli import runs_text

    if len(named) < 2:
        raise UserError("One run cannot be compared. Name two or more.")
    with opened(project) as workspace, workspace.database.read() as connection:
        found = [queries.get(connection, naming.resolve(connection, text)) for text in named]
        more = (
            runs_text.differences(found[0], found[1], workspace.objects, with_diff=with_diff)
            if only_differences
            else None
        )
    shape = {"only_differences": only_differences, "with_system": with_system}
    rows = {
        name: {detail.run.id: value for detail, value in zip(found, values, strict=True)}
        for name, values in runs_text.sides(found, **shape).items()
    }
    files: dict[str, list[str]] = {}
    for sign, path in more.files if more else ():
        files.setdefault({"~": "changed", "+": "added", "-": "removed"}[sign], []).append(path)
    emit(
        {"rows": rows, "code": files, "environment": more.environment if more else []},
        as_json=as_json,
        text=lambda: runs_text.print_side_by_side(found, **shape, more=more),
    )


def _curves(
    connection: Connection, ids: Sequence[str], keys: Sequence[str], width: int
) -> dict[str, dict[str, list[float]]]:
    """By metric and run, as many values as a line of text has columns, or a few more."""
    from homeostat.track.thinning import thinned

    found = thinned(connection, ids, keys, 2 * width)
    return {key: {id_: curve.mean.tolist() for id_, curve in of_key.items()} for key, of_key in found.items()}
