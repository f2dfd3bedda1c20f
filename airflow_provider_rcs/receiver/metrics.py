"""What the receiver counts, in Airflow's metrics or in its own log."""

from __future__ import annotations

import logging
import time
from collections import Counter
from importlib import import_module
from threading import Lock
from typing import Any, Protocol

log = logging.getLogger(__name__)

RECEIVED = "rcs.reports.received"
COMMITTED = "rcs.reports.committed"
SPOOLED = "rcs.reports.spooled"
REFUSED = "rcs.reports.refused"
UNAUTHORIZED = "rcs.reports.unauthorized"
COMMIT_TIME = "rcs.reports.commit_time"
_SECONDS_BETWEEN_LINES = 60.0


class Metrics(Protocol):
    """Records counts and durations; called from several threads."""

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""

    def record_time(self, name: str, seconds: float) -> None:
        """Record how long something took."""


class LoggedMetrics:
    """Logs totals once a minute, if anything was counted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._slowest: dict[str, float] = {}
        self._next_line_at = time.monotonic() + _SECONDS_BETWEEN_LINES

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._counts[name] += number
            is_due = time.monotonic() >= self._next_line_at
        if is_due:
            self.log_totals()

    def record_time(self, name: str, seconds: float) -> None:
        """Record how long something took; the line shows the slowest."""
        with self._lock:
            self._slowest[name] = max(seconds, self._slowest.get(name, 0.0))

    def log_totals(self) -> None:
        """Log what was recorded since the last line."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            slowest, self._slowest = self._slowest, {}
            self._next_line_at = time.monotonic() + _SECONDS_BETWEEN_LINES
        totals = [f"{name}={number}" for name, number in sorted(counts.items())]
        totals += [f"{name}<={seconds * 1000:.1f}ms" for name, seconds in sorted(slowest.items())]
        if totals:
            log.info(" ".join(totals))


class AirflowMetrics:
    """Records to the metrics of Airflow's API server."""

    def __init__(self) -> None:
        # Not the Stats of the task SDK, which common.compat returns: the API server initializes only Airflow core's.
        try:
            module = import_module("airflow.observability.stats")
        except ImportError:  # before Airflow 3.2
            module = import_module("airflow.stats")
        self._stats: Any = module.Stats

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        self._stats.incr(name, number)

    def record_time(self, name: str, seconds: float) -> None:
        """Record how long something took."""
        self._stats.timing(name, seconds * 1000)
