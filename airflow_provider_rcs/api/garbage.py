"""The cyclic garbage collector, kept off large heaps during long work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

_lock = Lock()
_pauses: list[bool] = []  # an entry for each block that runs: whether the collector is to be enabled after the last one


@contextmanager
def gc_paused() -> Iterator[None]:
    """Disable the collector while the block runs, so that it does not scan again and again what the block creates.

    Blocks of several threads may overlap: the last one to end enables the collector, if it was enabled at first.
    """
    with _lock:
        _pauses.append(gc.isenabled() or any(_pauses))
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            was_enabled = _pauses.pop()
            if was_enabled and not _pauses:
                gc.enable()


@contextmanager
def existing_objects_frozen() -> Iterator[None]:
    """Exclude everything that exists before the block, such as Airflow's modules, from collections during the block.

    Long work that creates many objects triggers many full collections, and scanning those modules alone would take a
    tenth of a second each time.
    """
    frozen_by_others = _is_heap_frozen_by_others()
    gc.freeze()
    try:
        yield
    finally:
        # Unfreezing is all or nothing: leave alone what others froze, such as Airflow before it starts a task.
        if not frozen_by_others:
            gc.unfreeze()


@cache
def _is_heap_frozen_by_others() -> bool:
    """Return whether others froze objects; asked once, before we freeze any, because it counts every frozen object."""
    return gc.get_freeze_count() > 0
