"""Which files are tables, by their names. Known without the libraries that read them: commands on other files begin at once."""

from pathlib import Path

TABLE_SUFFIXES = frozenset(
    {".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods"}
)


def is_table(path: Path) -> bool:
    """Whether the rows of `path` are wanted, not the file: it is named as `data.files` reads it."""
    return path.suffix.lower() in TABLE_SUFFIXES and not path.is_dir()
