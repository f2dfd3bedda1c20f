"""Deadlines of many with one timer: what ends in time costs an entry in a dictionary, not a timer of its own."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Says which of those that have begun did not end in time; used in one event loop at a time.

    :param late: told of each whose time is over, once, in the event loop.
    """

    def __init__(self, late: Callable[[T], object]) -> None:
        self._late = late
        self._ends: dict[T, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next = 0.0

    def begin(self, item: T, seconds: float) -> None:
        """Give an item so many seconds."""
        end = time.monotonic() + seconds
        self._ends[item] = end
        loop = asyncio.get_running_loop()
        if loop is not self._loop or not self._next or end < self._next:
            self._loop = loop
            self._wait_until(end)

    def end(self, item: T) -> bool:
        """Note that an item has ended, and tell whether it did so in time."""
        return self._ends.pop(item, None) is not None

    def _wait_until(self, moment: float) -> None:
        self._next = moment
        if self._loop is not None:
            self._loop.call_later(max(moment - time.monotonic(), 0.0), self._look, moment)

    def _look(self, moment: float) -> None:
        if moment != self._next:
            return  # One that ends sooner has begun since, and is looked after by a timer of its own.
        now = time.monotonic()
        for item in sorted((item for item, end in self._ends.items() if end <= now), key=self._ends.__getitem__):
            del self._ends[item]
            self._late(item)
        if self._ends:
            self._wait_until(min(self._ends.values()))
        else:
            self._next = 0.0
