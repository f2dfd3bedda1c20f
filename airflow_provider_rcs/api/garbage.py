"""The cyclic garbage collector, kept off large heaps during long work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


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
