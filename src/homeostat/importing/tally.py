"""What an import has found so far: counts and differences, in memory that does not grow with the store."""

from collections import Counter
from collections.abc import Callable

from homeostat.importing.records import Count, Difference, Report, Unreadable

_MOST_DIFFERENCES = 1000
_KINDS = (
    *("experiments", "runs", "params", "tags", "metrics", "points", "datasets", "logged models", "files"),
    *("registered models", "versions", "aliases"),
)


class Tally:
    """Counts by kind; `progress` is told in words."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self.fresh = self.changed = self.unchanged = 0
        self.bytes = 0
        self.differing = 0
        self._there: Counter[str] = Counter()
        self._here: Counter[str] = Counter()
        self._differences: list[Difference] = []
        self._progress = progress

    def count(self, kind: str, there: int, here: int) -> None:
        self._there[kind] += there
        self._here[kind] += here

    def differ(self, kind: str, id_: str, what: str) -> None:
        self.differing += 1
        if len(self._differences) < _MOST_DIFFERENCES:
            self._differences.append(Difference(kind=kind, id=id_, what=what))

    def unreadable(self, found: Unreadable) -> None:
        """It is there, and not here."""
        self.count(f"{found.kind}s" if found.kind != "model" else "logged models", 1, 0)
        self.differ(found.kind, found.id, found.why)

    def say(self) -> None:
        there = self._there
        self._progress(
            f"{there['runs']:,} runs, {there['points']:,} points, {there['files']:,} files, {self.bytes:,} bytes"
        )

    def report(self, source: str, left_out: dict[str, int], *, is_dry: bool = False) -> Report:
        return Report(
            source=source,
            counts=tuple(Count(kind=kind, there=self._there[kind], here=self._here[kind]) for kind in _KINDS),
            fresh=self.fresh,
            changed=self.changed,
            unchanged=self.unchanged,
            bytes=self.bytes,
            differences=tuple(self._differences),
            differing=self.differing,
            left_out=dict(left_out),
            is_dry=is_dry,
        )
