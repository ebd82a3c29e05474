"""`homeostat data remote`, `push` and `pull`: versions on a shared disk or in a bucket."""

from pathlib import Path

import click

from homeostat.cli.data.progress import Bar
from homeostat.cli.options import emit, json_option, print_table, project_option
from homeostat.data.catalog.tags import split
from homeostat.data.exchange.records import Exchanged
from homeostat.store.objects.remote import Location
from homeostat.workspace import Workspace

remote_option = click.option("--remote", "remote_name", default="", help="Its name; default: the only one there is.")


@click.group()
def remote() -> None:
    """Remotes of the project: where versions are pushed to and pulled from. They stand in homeostat.toml."""


@remote.command()
@project_option
@click.argument("name")
@click.argument("url")
@click.option("--endpoint", default="", help="Of a server that speaks S3, if it is not Amazon's.")
@click.option("--region", default="", help="Of the bucket; default: AWS_REGION.")
@json_option
def add(project: Path | None, name: str, url: str, endpoint: str, region: str, as_json: bool) -> None:
    """Add the remote URL, file:///path or s3://bucket/prefix, as NAME.

    Credentials are never written down: they come from AWS_ACCESS_KEY_ID and its fellows when they are needed.
    """
    with Workspace.find(project) as workspace:
        workspace.add_remote(name, Location(url=url, endpoint=endpoint, region=region))
    emit(
        {"remote": name, "url": url},
        as_json=as_json,
        text=lambda: click.echo(f"{name} is {url}. Send something there: homeostat data push"),
    )


@remote.command(name="list")
@project_option
@json_option
def list_(project: Path | None, as_json: bool) -> None:
    """List the remotes."""
    with Workspace.find(project) as workspace:
        known = workspace.config.remotes
    emit(
        {"remotes": [{"remote": name, **_fields(location)} for name, location in known.items()]},
        as_json=as_json,
        text=lambda: print_table(
            ("remote", "url", "endpoint"), [(name, one.url, one.endpoint or "-") for name, one in known.items()]
        ),
    )


@remote.command()
@project_option
@click.argument("name")
@json_option
def remove(project: Path | None, name: str, as_json: bool) -> None:
    """Take the remote NAME out of homeostat.toml. What is on it stays."""
    with Workspace.find(project) as workspace:
        workspace.remove_remote(name)
    emit({"remote": name}, as_json=as_json, text=lambda: click.echo(f"{name} is no remote any more."))


@click.command()
@project_option
@click.argument("dataset", default="")
@remote_option
@json_option
def push(project: Path | None, dataset: str, remote_name: str, as_json: bool) -> None:
    """Send DATASET, or one version of it (name@number or name@tag), to a remote; without it, every dataset.

    Only objects that are not there travel. If it is stopped, the next push goes on where it ended.
    """
    with Workspace.find(project) as workspace:
        name, label = split(dataset)
        if label:
            wanted = [workspace.datasets.find(dataset)]
        else:
            names = [name] if name else workspace.datasets.names()
            wanted = [version for each in names for version in workspace.datasets.versions(each)]
            wanted = [version for version in wanted if version.forgotten_at is None]
        with Bar("Sending") as bar:
            done = workspace.exchange.push(workspace.remote(remote_name), wanted, bar)
    _print("on", done, as_json=as_json)


@click.command()
@project_option
@click.argument("dataset", default="")
@remote_option
@click.option("--check", is_flag=True, help="Read what is here too, and mend what is damaged.")
@json_option
def pull(project: Path | None, dataset: str, remote_name: str, check: bool, as_json: bool) -> None:
    """Fetch DATASET, or one version of it (name@number or name@tag), from a remote; without it, every dataset.

    Each object is checked against its digest. If it is stopped, the next pull goes on where it ended.
    """
    with Workspace.find(project) as workspace:
        name, label = split(dataset)
        with Bar("Fetching") as bar:
            done = workspace.exchange.pull(workspace.remote(remote_name), name, label, bar, check=check)
    _print("here, from", done, as_json=as_json)


def _print(where: str, done: Exchanged, *, as_json: bool) -> None:
    def text() -> None:
        names = f"{len(done.versions)} versions are" if len(done.versions) != 1 else f"{done.versions[0]} is"
        click.echo(f"{names} {where} {done.remote}: {done.objects:,} objects, {done.bytes:,} bytes.")
        for name in done.refs_kept:
            click.echo(f"{name} points elsewhere there; yours was left as it is.")

    emit(done, as_json=as_json, text=text)


def _fields(location: Location) -> dict[str, str]:
    return {"url": location.url, "endpoint": location.endpoint, "region": location.region}
