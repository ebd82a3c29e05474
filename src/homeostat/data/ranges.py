"""Reading bytes from where they lie: ranges of objects, one after the other."""

from collections.abc import Iterable, Iterator

from homeostat.core.digests import Digest
from homeostat.data.tree import Pieced, Range, read_recipe
from homeostat.store.objects import ObjectStore

PART_BYTES = 8 * 1024 * 1024


def recipe_objects(objects: ObjectStore, pieced: Iterable[Pieced]) -> set[Digest]:
    """The objects that files are pieces of."""
    return {one.object for file in pieced for one in read_recipe(objects.read(file.recipe))}


def read_ranges(objects: ObjectStore, ranges: Iterable[Range]) -> Iterator[bytes]:
    """The bytes of ranges, in parts; unchecked. Raises: NotFound."""
    for one in ranges:
        with objects.path(one.object).open("rb") as file:
            file.seek(one.offset)
            left = one.size
            while left and (part := file.read(min(left, PART_BYTES))):
                left -= len(part)
                yield part
