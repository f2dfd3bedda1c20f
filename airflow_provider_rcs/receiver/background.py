"""Work that the receiver does in threads: calls that block, folding what landed, looking for silent campaigns."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.silence import SILENT_METRIC, read_campaigns_to_warn_about, silence_warning

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from airflow_provider_rcs.receiver.metrics import Metrics

log = logging.getLogger(__name__)
R = TypeVar("R")

# One fold of many reports costs less than many folds of few, and on SQLite a fold delays the commits of reports.
_SECONDS_BETWEEN_FOLDS = 0.5
_SECONDS_BETWEEN_SILENCE_CHECKS = 60.0


class BackgroundThread:
    """A daemon thread that starts when it is first needed, because a server may fork after creating the application.

    A daemon thread, so that a hanging database cannot keep the process from exiting. Work that is cut off this way was
    not committed, and no request was answered as if it were.

    :param work: the thread's work; never returns.
    :param name: the thread's name in dumps.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self._name = name
        self._lock = threading.Lock()
        self._started = False

    def ensure_started(self) -> None:
        """Start the thread unless it is running."""
        if self._started:
            return
        with self._lock:
            if not self._started:
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
                self._started = True


class CallThread:
    """Makes the calls of an event loop that block, one after the other, in a thread of their own.

    :param name: the thread's name in dumps.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._thread = BackgroundThread(self._work, name)

    async def run(self, call: Callable[[], R]) -> R:
        """Return what a call returns, or raise what it raises; if cancelled while it is queued, it is not made."""
        future: Future[R] = Future()
        self._calls.put((future, call))
        self._thread.ensure_started()
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except Exception as error:  # noqa: BLE001 - raised where the call is awaited
                    future.set_exception(error)


class BackgroundFolding:
    """Folds landed reports in a thread, one fold at a time; folds again if reports landed in the meantime.

    :param get_engine: returns the store's engine.
    """

    def __init__(self, get_engine: Callable[[], sa.Engine]) -> None:
        self._get_engine = get_engine
        self._requested = threading.Event()
        self._thread = BackgroundThread(self._work, "rcs-reports-fold")

    def wake(self) -> None:
        """Request a fold; return at once."""
        self._requested.set()
        self._thread.ensure_started()

    def _work(self) -> None:
        while True:
            self._requested.wait()
            # Cleared before the fold: reports that land during it may be too late for it.
            self._requested.clear()
            self._fold()
            time.sleep(_SECONDS_BETWEEN_FOLDS)

    def _fold(self) -> None:
        try:
            fold(self._get_engine())
        except RcsError as error:
            log.error("Folding landed reports failed, and is retried when more land: %s", error)  # noqa: TRY400 - no data in logs
        except Exception as error:  # noqa: BLE001 - the reports are safe, and the next landing tries again
            log.error("Folding landed reports failed, and is retried when more land: %s", type(error).__name__)  # noqa: TRY400


class SilenceWatch:
    """Logs and counts each campaign that should have had reports by now and has none, once a day.

    :param get_engine: returns the store's engine; called in a thread.
    :param metrics: counts the silent campaigns.
    """

    def __init__(self, get_engine: Callable[[], sa.Engine], metrics: Metrics) -> None:
        self._get_engine = get_engine
        self._metrics = metrics
        self._last_check: datetime | None = None
        self._thread = BackgroundThread(self._work, "rcs-reports-silence")

    def start(self) -> None:
        """Start looking for silent campaigns, once a minute; return at once."""
        self._thread.ensure_started()

    def _work(self) -> None:
        while True:
            time.sleep(_SECONDS_BETWEEN_SILENCE_CHECKS)
            try:
                self._check(self._get_engine())
            except RcsError:
                # An unavailable store is logged where reports are saved; the next check may reach it.
                continue
            except Exception as error:  # noqa: BLE001 - no report depends on it, and the next check tries again
                log.error("Checking for silent campaigns failed: %s", type(error).__name__)  # noqa: TRY400

    def _check(self, engine: sa.Engine) -> None:
        now = datetime.now(UTC)
        for campaign, since in read_campaigns_to_warn_about(engine, now, self._last_check).items():
            log.warning("This receiver accepts reports, but %s", silence_warning(campaign, since))
            self._metrics.incr(SILENT_METRIC)
        self._last_check = now
