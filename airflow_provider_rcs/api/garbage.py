"""The cyclic garbage collector, kept off large heaps during long work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

_lock = Lock()


_holding: list[bool] = []  # of each thread that holds it: whether it was on before


@contextmanager
def gc_paused() -> Iterator[None]:
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


@contextmanager
def existing_objects_frozen() -> Iterator[None]:
    """Keep the collector from walking over all that was there before the block, such as the modules of Airflow.

    Long work that makes many values calls for many walks, and each would take a tenth of a second for these alone.
    """
    keep = _has_someone_else_frozen()
    gc.freeze()
    try:
        yield
    finally:
        # Not what someone else has frozen, such as Airflow before it starts a task.
        if not keep:
            gc.unfreeze()


@cache
def _has_someone_else_frozen() -> bool:
    """Ask once, before anything is frozen here: it takes as long as all that is frozen takes to be counted."""
    return gc.get_freeze_count() > 0
