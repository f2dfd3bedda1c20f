"""What the receiver counts, in Airflow's metrics or in its own log."""

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
UNSAVED = "rcs.reports.unsaved"
REFUSED = "rcs.reports.refused"
UNAUTHORIZED = "rcs.reports.unauthorized"
COMMIT_TIME = "rcs.reports.commit_time"
_SECONDS_BETWEEN_LINES = 60.0


class Metrics(Protocol):
    """Records counts and durations, as Airflow's ``Stats`` does; called from several threads."""

    def incr(self, stat: str, count: int = 1) -> None:
        """Add to a counter."""

    def timing(self, stat: str, dt: float) -> None:
        """Record how many milliseconds something took."""


class LoggedMetrics:
    """Logs totals once a minute, if anything was counted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._slowest: dict[str, float] = {}
        self._next_line_at = time.monotonic() + _SECONDS_BETWEEN_LINES

    def incr(self, stat: str, count: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._counts[stat] += count
            is_due = time.monotonic() >= self._next_line_at
        if is_due:
            self.log_totals()

    def timing(self, stat: str, dt: float) -> None:
        """Record how many milliseconds something took; the line shows the slowest."""
        with self._lock:
            self._slowest[stat] = max(dt, self._slowest.get(stat, 0.0))

    def log_totals(self) -> None:
        """Log what was recorded since the last line."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            slowest, self._slowest = self._slowest, {}
            self._next_line_at = time.monotonic() + _SECONDS_BETWEEN_LINES
        totals = [f"{name}={number}" for name, number in sorted(counts.items())]
        totals += [f"{name}<={milliseconds:.1f}ms" for name, milliseconds in sorted(slowest.items())]
        if totals:
            log.info(" ".join(totals))
