"""What can be said of two versions of a table without reading a row: from the digests in their manifests. Pure."""

from collections import Counter

import msgspec

from homeostat.data.diffs.alignment import Alignment, stretches
from homeostat.data.records import Manifest


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """Where two versions may differ.

    Attributes:
        is_appended: the old rows are the beginning of the new version, in the columns that both have.
        touched: columns that differ though their rows stand side by side, with the number of rows among which they do.
        moved: rows of both versions among which some came, went or moved.
        rows: of both versions that a diff has to compare.
    """

    is_appended: bool
    touched: dict[str, int]
    moved: int
    rows: int


def outline(old: Manifest, new: Manifest) -> Outline:
    """Where two versions of a table may differ. Cost: as `alignment.stretches`."""
    apart = stretches(old, new)
    alignment = Alignment(old, new)
    touched: Counter[str] = Counter()
    moved = level = 0
    for stretch in apart:
        if not stretch.is_level:
            moved += stretch.rows
            continue
        for pair in alignment.pairs(stretch):
            level += 2 * pair.rows
            for piece in pair.pieces:
                touched.update(dict.fromkeys(piece.columns, piece.rows))
    return Outline(
        is_appended=all(stretch.old_first == stretch.old_end == old.digest.rows for stretch in apart) and not touched,
        touched=dict(touched),
        moved=moved,
        rows=moved + level,
    )
