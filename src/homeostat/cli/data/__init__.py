"""`homeostat data ...`: datasets, their versions and contracts."""

import click

from homeostat.cli.lazy import LazyGroup

# name -> (module in this folder, one line of help). Help must not import the module.
COMMANDS = {
    "append": ("adding", "Append the rows of a file to a dataset, or begin one."),
    "add": ("adding", "Make the rows of a table file, or files of any kind, the next version of a dataset."),
    "import-url": ("sources", "Import from a URL, a database or a lake table, and remember where it came from."),
    "update": ("sources", "Fetch what has changed at the sources of datasets."),
    "log": ("versions", "List versions, newest first; without a dataset, all datasets."),
    "show": ("versions", "Describe a version: columns, rows, source, tags."),
    "tag": ("versions", "Give a version a name."),
    "branch": ("branches", "Begin, list or delete branches of a dataset."),
    "merge": ("branches", "Bring a branch into the main line, row by row."),
    "diff": ("diffs", "Say what differs between two versions: columns and rows."),
    "sql": ("sql", "Query datasets: SELECT ... FROM flights."),
    "checkout": ("versions", "Write a version out: a table to a file, files to a directory."),
    "verify": ("verification", "Read every byte again, of a version or of the whole store; mend what is lost."),
    "remote": ("remotes", "Add, list or remove remotes: shared disks and buckets."),
    "push": ("remotes", "Send versions to a remote."),
    "pull": ("remotes", "Fetch versions from a remote."),
    "gc": ("upkeep", "Delete what nothing needs any more; forget old versions."),
    "contract": ("contracts", "Print the contract of a dataset; or infer one; or set one."),
    "quarantine": ("contracts", "List what the contract of a dataset kept out."),
    "dismiss": ("contracts", "Settle a blocked append without its rows."),
}


@click.group(cls=LazyGroup, package=__name__, table=COMMANDS)
def data() -> None:
    """Datasets: every append is an immutable version, held to the dataset's contract."""
