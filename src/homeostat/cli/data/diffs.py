"""`homeostat data diff`: what differs between two versions."""

from pathlib import Path

import click

from homeostat.cli.options import emit, json_option, project_option
from homeostat.data.diffs.files import FilesDiff
from homeostat.data.diffs.records import Diff
from homeostat.data.files import write_file
from homeostat.workspace import Workspace


@click.command(name="diff")
@project_option
@click.argument("dataset")
@click.argument("before")
@click.argument("after")
@click.option(
    "--key", default="", metavar="COLS", help="Columns that name a row, with commas; tells changed rows from new ones."
)
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write each row that differs to this .parquet, .csv or .tsv file, with what became of it in a column `op`.",
)
@json_option
def diff_(
    project: Path | None, dataset: str, before: str, after: str, key: str, to: Path | None, as_json: bool
) -> None:
    """Say what differs between versions BEFORE and AFTER (numbers, tags or branches) of DATASET: columns and rows, or files."""
    with Workspace.find(project) as workspace:
        datasets = workspace.datasets
        old, new = (datasets.find(f"{dataset}@{label}") for label in (before, after))
        if old.is_files and new.is_files:
            found: Diff | FilesDiff = datasets.diff_files(old, new)
        else:
            found = datasets.diff(old, new, key=tuple(key.split(",")) if key else ())
        if to is not None:
            review = found.review().arrow()
            write_file(to, review.schema, [review])
    emit(
        {"dataset": dataset, "before": old.number, "after": new.number, **_counts(found)},
        as_json=as_json,
        text=lambda: click.echo("\n".join(found.lines())),
    )


def _counts(found: Diff | FilesDiff) -> dict[str, object]:
    if isinstance(found, FilesDiff):
        return {
            "files_added": [entry.path for entry in found.added],
            "files_removed": [entry.path for entry in found.removed],
            "files_changed": [entry.path for entry in found.changed],
        }
    return {
        "key": found.key,
        "columns": found.columns,
        "is_reordered": found.is_reordered,
        "rows_added": found.added.rows,
        "rows_removed": found.removed.rows,
        "rows_changed": found.changed.rows,
        "rows_read": found.rows_read,
    }
