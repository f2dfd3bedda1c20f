"""The cyclic garbage collector during long work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLD = 50_000  # instead of Python's 700


@contextmanager
def infrequent_collections() -> Iterator[None]:
    """Let the collector run less often during the block.

    Long work creates many objects and few cycles. With Python's own threshold, the collector would scan these objects,
    and all of Airflow's modules, again and again.
    """
    before = gc.get_threshold()
    gc.set_threshold(_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
