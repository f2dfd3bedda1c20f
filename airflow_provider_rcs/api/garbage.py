"""The cyclic garbage collector, held while many values are made among which it could free none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_holding: list[bool] = []  # of each thread that holds it: whether it was on before


@contextmanager
def collector_held() -> Iterator[None]:
    """Keep the collector from walking over what the block makes, each time that some more of it is there.

    Threads may hold it at once; the last one to end lets it go on, if it was on when the first one began.
    """
    with _lock:
        _holding.append(gc.isenabled() or any(_holding))
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            was_on = _holding.pop()
            if was_on and not _holding:
                gc.enable()
