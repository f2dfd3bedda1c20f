"""The cyclic garbage collector during long work."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_THRESHOLD = 50_000  # instead of Python's 700

_lock = Lock()
_thresholds_before: list[tuple[int, int, int]] = []  # of each thread in a block


@contextmanager
def infrequent_collections() -> Iterator[None]:
    """Let the collector run less often during the block; threads may be in one at the same time.

    Long work creates many objects and few cycles. With Python's own threshold, the collector would scan these objects,
    and all of Airflow's modules, again and again.
    """
    with _lock:
        before = _thresholds_before[0] if _thresholds_before else gc.get_threshold()
        _thresholds_before.append(before)
        gc.set_threshold(_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        with _lock:
            _thresholds_before.pop()
            if not _thresholds_before:
                gc.set_threshold(*before)
