"""Work on threads, a few items ahead of whoever asks for what comes of it."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

THREADS = min(4, os.cpu_count() or 1)
_Item = TypeVar("_Item")
_Out = TypeVar("_Out")


def ahead(pool: Executor, act: Callable[[_Item], _Out], items: Iterable[_Item]) -> Iterator[tuple[_Item, _Out]]:
    """What `act` makes of each item, in order; no more items are taken than may be in work at once, and one.

    Raises: what `act` or `items` raise, when it is the item's turn.
    """
    waiting: deque[tuple[_Item, Future[_Out]]] = deque()
    for item in items:
        waiting.append((item, pool.submit(act, item)))
        if len(waiting) > THREADS:
            done, future = waiting.popleft()
            yield done, future.result()
    while waiting:
        done, future = waiting.popleft()
        yield done, future.result()
