"""What of a remote is needed: by every project that has a document there."""

from collections.abc import Collection, Sequence

import msgspec

from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound, Unavailable, UserError
from homeostat.data.exchange.records import Directory, Index, Pushed
from homeostat.data.exchange.shelf import read_history, read_index, read_inventory, send_record
from homeostat.store.objects.remote import Remote

_SWAPS = 100


def needed_on(remote: Remote, project: str = "", without: Collection[tuple[str, int]] = ()) -> set[Digest]:
    """Every object that a document on the remote leads to.

    Args:
        without: dataset and number of versions of `project` whose contents are about to be given up.

    Raises: CorruptObject or NotFound naming the project whose document, history or inventory cannot be read.
    """
    needed: set[Digest] = set()
    for each in remote.documents():
        gone = without if each == project else ()
        for directory in read_index(remote, each)[0].datasets.values():
            needed |= {directory.history, *directory.refs.values()}
            for pushed in read_history(remote, directory.history):
                if pushed.inventory and (pushed.version.dataset, pushed.version.number) not in gone:
                    needed.add(pushed.inventory)
                    needed |= {item.digest for item in read_inventory(remote, pushed.inventory)}
    return needed


def clearable_on(remote: Remote, project: str, datasets: Sequence[str], keep_last: int) -> list[Pushed]:
    """Versions before the last `keep_last` of each dataset whose contents are there, and which no tag there names."""
    index, _ = read_index(remote, project)
    return [one for name in _chosen(remote, index, datasets) for one in _older(remote, index.datasets[name], keep_last)]


def clear_on(remote: Remote, project: str, datasets: Sequence[str], keep_last: int) -> list[Pushed]:
    """Let the remote's document no longer name the contents of these versions; their rows stay.

    Raises: Unavailable if others keep pushing meanwhile.
    """
    for _ in range(_SWAPS):
        index, tag = read_index(remote, project)
        cleared: list[Pushed] = []
        changed: dict[str, Directory] = {}
        for name in _chosen(remote, index, datasets):
            directory = index.datasets[name]
            older = _older(remote, directory, keep_last)
            numbers = {one.version.number for one in older}
            history = [
                msgspec.structs.replace(one, inventory=None) if one.version.number in numbers else one
                for one in read_history(remote, directory.history)
            ]
            if older:
                changed[name] = Directory(history=send_record(remote, history), refs=directory.refs)
            cleared += older
        merged = Index(datasets={**index.datasets, **changed})
        if not changed or remote.swap(project, msgspec.json.encode(merged), tag):
            return cleared
    raise Unavailable(
        f"Others pushed to {remote.url} {_SWAPS} times meanwhile. Nothing was deleted; try when it is quieter."
    )


def _chosen(remote: Remote, index: Index, datasets: Sequence[str]) -> list[str]:
    missing = [name for name in datasets if name not in index.datasets]
    if missing:
        raise NotFound(
            f"{remote.url} has no dataset {missing[0]!r}. It has: {', '.join(sorted(index.datasets)) or 'none'}."
        )
    return list(datasets) or sorted(index.datasets)


def _older(remote: Remote, directory: Directory, keep_last: int) -> list[Pushed]:
    if keep_last < 1:
        raise UserError(f"--keep-last {keep_last} would keep no version. Keep 1 or more.")
    tagged = b"".join(b"".join(remote.fetch(target)) for target in directory.refs.values())
    complete = [one for one in read_history(remote, directory.history) if one.inventory]
    return [
        one
        for one in complete[:-keep_last]
        if f'"number":{one.version.number},'.encode() not in tagged and one.version.id.encode() not in tagged
    ]
