"""Threads that work in the background for as long as the process lives."""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class BackgroundThread:
    """A thread that begins when it is first needed, because a server may fork after the application was made.

    A daemon: a database that hangs must not keep the process from ending. What such a thread leaves undone was not
    committed, and was told to nobody.

    :param work: what it does; never returns.
    :param name: what it is called in dumps.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self._name = name
        self._starting = Lock()
        self._started = False

    def ensure_started(self) -> None:
        """Start it, if it does not run yet."""
        if self._started:
            return
        with self._starting:
            if not self._started:
                Thread(target=self._work, name=self._name, daemon=True).start()
                self._started = True
