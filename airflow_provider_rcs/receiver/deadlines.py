"""Deadlines of many items with one timer: an item that finishes in time costs a dictionary entry, not a timer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Reports the items that did not end in time; used in one event loop at a time.

    :param on_timeout: called with each item that is late, once, in the event loop.
    """

    def __init__(self, on_timeout: Callable[[T], object]) -> None:
        self._on_timeout = on_timeout
        self._ends: dict[T, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next = 0.0

    def begin(self, item: T, seconds: float) -> None:
        """Start the time limit of an item."""
        end = time.monotonic() + seconds
        self._ends[item] = end
        loop = asyncio.get_running_loop()
        if loop is not self._loop or not self._next or end < self._next:
            self._loop = loop
            self._wait_until(end)

    def end(self, item: T) -> bool:
        """Record that an item has ended, and return whether it did so in time."""
        return self._ends.pop(item, None) is not None

    def _wait_until(self, moment: float) -> None:
        self._next = moment
        if self._loop is not None:
            self._loop.call_later(max(moment - time.monotonic(), 0.0), self._check, moment)

    def _check(self, moment: float) -> None:
        if moment != self._next:
            return  # An item that ends sooner has begun since, with a timer of its own.
        now = time.monotonic()
        for item in sorted((item for item, end in self._ends.items() if end <= now), key=self._ends.__getitem__):
            del self._ends[item]
            self._on_timeout(item)
        if self._ends:
            self._wait_until(min(self._ends.values()))
        else:
            self._next = 0.0
