"""Counters: what the receiver did, for whoever watches it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from threading import Lock
from typing import Protocol

log = logging.getLogger(__name__)

RECEIVED = "rcs.reports.received"
COMMITTED = "rcs.reports.committed"
SPOOLED = "rcs.reports.spooled"
REFUSED = "rcs.reports.refused"
UNAUTHORIZED = "rcs.reports.unauthorized"
COMMIT_TIME = "rcs.reports.commit_time"
_SECONDS_BETWEEN_LINES = 60.0


class Counters(Protocol):
    """Takes counts and times; called in several threads."""

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""

    def took(self, name: str, seconds: float) -> None:
        """Note how long something took."""


class LoggedCounters:
    """Counts, and says once a minute what came to be since, if anything did."""

    def __init__(self) -> None:
        self._busy = Lock()
        self._counts: Counter[str] = Counter()
        self._slowest: dict[str, float] = {}
        self._say_at = time.monotonic() + _SECONDS_BETWEEN_LINES

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        with self._busy:
            self._counts[name] += number
            due = time.monotonic() >= self._say_at
        if due:
            self.say()

    def took(self, name: str, seconds: float) -> None:
        """Note how long something took."""
        with self._busy:
            self._slowest[name] = max(seconds, self._slowest.get(name, 0.0))

    def say(self) -> None:
        """Log what was counted since the last time."""
        with self._busy:
            counts, self._counts = self._counts, Counter()
            slowest, self._slowest = self._slowest, {}
            self._say_at = time.monotonic() + _SECONDS_BETWEEN_LINES
        told = [f"{name}={number}" for name, number in sorted(counts.items())]
        told += [f"{name}<={seconds * 1000:.1f}ms" for name, seconds in sorted(slowest.items())]
        if told:
            log.info(" ".join(told))
