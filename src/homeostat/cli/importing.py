"""`homeostat import`: bring over what another tracker keeps."""

from pathlib import Path

import click

from homeostat.cli.data.progress import Words
from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.cli.processes import opened, workspace_option
from homeostat.importing.records import Report
from homeostat.importing.service import bring, open_source

_DIFFERENT = 4  # what is here is not all that is there
_SHOWN = 20


@click.group("import")
def import_() -> None:
    """Bring over what another tracker keeps."""


@import_.command()
@project_option
@workspace_option
@click.argument("uri")
@click.option(
    "--artifacts",
    default="",
    metavar="PLACE",
    help="Folder or s3:// address that `mlflow server --artifacts-destination` has, for a store that is read without its server.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would come.")
@click.option("--recheck", is_flag=True, help="Read and compare everything again, also what has not changed.")
@json_option
def mlflow(
    project: Path | None, folder: Path | None, uri: str, artifacts: str, dry_run: bool, recheck: bool, as_json: bool
) -> None:
    """Bring over the MLflow server or store at URI: http(s)://..., sqlite:///mlflow.db, or a folder mlruns.

    Experiments, runs, histories, artifacts, logged and registered models come over, and each is compared with what is there. Run it
    again after an interruption, or later, while the old server is in use: only what is new comes. Exit code 4: something is there
    that is not here; it is listed.
    """
    with opened(project, folder) as workspace:
        source = open_source(uri, artifacts=artifacts)
        try:
            with Words("Importing") as words:
                report = bring(workspace, source, recheck=recheck, dry_run=dry_run, progress=words)
        finally:
            source.close()
    emit(report, as_json=as_json, text=lambda: _print(report))
    if report.differing:
        click.get_current_context().exit(_DIFFERENT)


def _print(report: Report) -> None:
    counts = [one for one in report.counts if one.there or one.here]
    print_table(("kind", ">there", ">here"), [(one.kind, f"{one.there:,}", f"{one.here:,}") for one in counts])
    fetched = f"{report.bytes:,} bytes of files"
    if report.is_dry:
        click.echo(
            f"Would come: {report.fresh:,} runs and models, {report.changed:,} more would be read again; {fetched}."
        )
        click.echo("Nothing was written. Points are counted when they are read.")
    else:
        click.echo(f"Came: {report.fresh:,} runs and models, {report.changed:,} more were read again; {fetched}.")
    if report.unchanged:
        click.echo(f"{report.unchanged:,} are as they were when they were compared; --recheck compares them again.")
    if report.left_out:
        click.echo(f"Not brought: {', '.join(f'{count:,} {kind}' for kind, count in report.left_out.items())}.")
    for one in report.differences[:_SHOWN]:
        click.echo(f"{one.kind} {one.id}: {one.what}", err=True)
    if report.differing > _SHOWN:
        click.echo(f"... and {report.differing - _SHOWN:,} more; --json lists a thousand.", err=True)
    if report.differing:
        click.echo(f"{report.differing:,} differences. Mend them there, and import again: the rest is here.", err=True)
