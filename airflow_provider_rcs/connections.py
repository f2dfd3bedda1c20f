"""Where Airflow's connections are looked up outside of a task."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Airflow's own name: its command `connections` sets it as well.
_PROCESS_CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"


class _Setting:
    """The variable of the environment, set from when the first block begins until the last one ends, in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._was_given = False

    def begin(self) -> None:
        with self._lock:
            if self._blocks == 0:
                self._was_given = _PROCESS_CONTEXT in os.environ
                os.environ.setdefault(_PROCESS_CONTEXT, "server")
            self._blocks += 1

    def end(self) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks == 0 and not self._was_given:
                os.environ.pop(_PROCESS_CONTEXT, None)


_SETTING = _Setting()


@contextmanager
def connections_of_the_database() -> Iterator[None]:
    """Look Airflow's connections up as its own commands do: in its database as well, after all other places.

    Outside a task Airflow would look in secrets backends and the environment only. Inside one it keeps the task's way,
    whatever is set here.
    """
    _SETTING.begin()
    try:
        yield
    finally:
        _SETTING.end()
