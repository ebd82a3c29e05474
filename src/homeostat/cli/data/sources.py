"""`homeostat data import-url` and `update`: datasets that come from elsewhere."""

import getpass
from pathlib import Path

import click

from homeostat.cli.data.progress import Rows
from homeostat.cli.options import emit, json_option, project_option
from homeostat.core.digests import short
from homeostat.core.errors import HomeostatError, UserError
from homeostat.data.sources.records import Origin, Updated
from homeostat.workspace import Workspace


@click.command(name="import-url")
@project_option
@click.argument("dataset")
@click.argument("uri", default="")
@click.option("--sql", default="", help="A query; ORDER BY makes its rows come in the same order each time.")
@click.option("--url", default="", help="The database of the query: DIALECT://USER:${PASSWORD}@HOST/DATABASE.")
@click.option("--max-bytes", type=click.IntRange(min=1), help="Refuse a download that is larger.")
@json_option
def import_url(
    project: Path | None, dataset: str, uri: str, sql: str, url: str, max_bytes: int | None, as_json: bool
) -> None:
    """Make what URI holds the next version of DATASET, and remember where it came from.

    URI: a file or a directory of Parquet files, http://, https:// or s3:// of a file, a Delta, Iceberg or Lance table (a directory, or
    delta+URI, iceberg+URI, lance+URI); or --sql with --url. A credential is written as the name of a variable, ${NAME}.
    """
    if bool(sql) != bool(url) or bool(uri) == bool(url):
        raise UserError("Give a URI, or --sql together with --url.")
    origin = Origin(uri=uri or url, sql=sql, **({"max_bytes": max_bytes} if max_bytes else {}))
    with Workspace.find(project) as workspace, Rows(f"importing {dataset}") as progress:
        done = workspace.sources.import_url(dataset, origin, actor=getpass.getuser(), progress=progress)
    emit(done, as_json=as_json, text=lambda: click.echo(_sentence(done)))


@click.command()
@project_option
@click.argument("dataset", required=False)
@json_option
def update(project: Path | None, dataset: str | None, as_json: bool) -> None:
    """Fetch what has changed at the source of DATASET; without it, at all sources. One that fails does not stop the others."""
    done: list[Updated] = []
    failed: dict[str, HomeostatError] = {}
    with Workspace.find(project) as workspace:
        names = [dataset] if dataset else [one.dataset for one in workspace.sources.sources()]
        for name in names:
            try:
                with Rows(f"updating {name}") as progress:
                    done.append(workspace.sources.update(name, actor=getpass.getuser(), progress=progress))
            except HomeostatError as error:
                if dataset:
                    raise
                failed[name] = error
    emit(
        {"updates": done, "failed": {name: error.message for name, error in failed.items()}},
        as_json=as_json,
        text=lambda: click.echo("\n".join(map(_sentence, done)) or "No dataset has a source to update from."),
    )
    if failed:
        [(name, first), *others] = failed.items()
        rest = f" So did {', '.join(other for other, _ in others)}." if others else ""
        raise type(first)(f"{name} could not be updated: {first.message}{rest}")


def _sentence(done: Updated) -> str:
    name = f"{done.dataset}@{done.version}"
    came = f" {done.bytes_fetched:,} bytes fetched." if done.bytes_fetched else ""
    if done.outcome == "new version":
        return f"{name}: {done.rows:,} rows from {done.uri}, id {short(done.id)}.{came}"
    if done.outcome == "same rows":
        return f"{name} holds the rows of {done.uri} already: no new version.{came}"
    return f"{name} is what {done.uri} holds: nothing has changed.{came}"
