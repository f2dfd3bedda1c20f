"""Saving pushed reports before they are answered: in the store, or in the spool while the store is unavailable."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError, RcsRefusedDataError
from airflow_provider_rcs.api.opt_out import DEFAULT_OPT_OUT_WORDS
from airflow_provider_rcs.receiver import metrics as names
from airflow_provider_rcs.receiver.background import BackgroundThread, CallThread
from airflow_provider_rcs.receiver.group_commit import GroupCommit
from airflow_provider_rcs.receiver.responses import SPOOL_FULL, STORE_FAILED, RequestRefusedError, Saved
from airflow_provider_rcs.receiver.spool import SpoolFullError
from airflow_provider_rcs.store.inbox.bodies import write_line
from airflow_provider_rcs.store.inbox.landing import (
    REJECTED_BY_DATABASE,
    AsyncLanding,
    ReceivedReports,
    RefusedReport,
    accepts_another_report,
    land_all,
    land_nothing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from airflow_provider_rcs.receiver.metrics import Metrics
    from airflow_provider_rcs.receiver.responses import Response
    from airflow_provider_rcs.receiver.spool import Spool

log = logging.getLogger(__name__)

# PostgreSQL flushes several to the disk together; on SQLite the second would only wait for the first.
_CONCURRENT_COMMITS = 2
_STORE_TIMEOUT = 0.5
# The store's share of the time left, if both are slow: its commit takes longer than the spool's.
_STORE_SHARE = 0.6
# A store whose commits only just met the limit would be suspended again by the next load.
_SECONDS_OF_A_FAST_COMMIT = _STORE_TIMEOUT / 2
_SECONDS_TO_NEXT_TRY = 1.0
_SECONDS_BETWEEN_UNSAVED_LINES = 60.0
# How soon running processes find the files that a dead one left.
_SECONDS_BETWEEN_SPOOL_CHECKS = 30.0


class Ingest:
    """Saves what requests pushed; moves the spool to the store in the background, once the store accepts reports again.

    If the store was only slow, a push may be in both and land twice, which does not change what folding results in.

    :param get_engine: returns the store's engine; called in threads.
    :param spool: saves what the store does not accept; ``None`` to refuse it.
    :param metrics: counts what was saved where.
    :param on_landed: called in a thread whenever reports have landed in the store.
    :param opt_out_words: a person whose whole reply is one of these words is suppressed.
    """

    def __init__(
        self,
        get_engine: Callable[[], sa.Engine],
        spool: Spool | None,
        metrics: Metrics,
        on_landed: Callable[[], None],
        opt_out_words: Collection[str] = DEFAULT_OPT_OUT_WORDS,
    ) -> None:
        self._get_engine = get_engine
        self._spool = spool
        self._metrics = metrics
        self._on_landed = on_landed
        self._opt_out_words = opt_out_words
        self._store_available = True
        self._connected = False
        self._next_unsaved_line_at = 0.0
        self._landing: AsyncLanding | None = None
        self._store_thread = CallThread("rcs-reports-store")
        self._spool_thread = CallThread("rcs-reports-spool")
        self._store_commits = GroupCommit(self._land, "store commit")
        self._spool_commits = GroupCommit(self._append_to_spool, "spool commit")
        self._move_requested = threading.Event()
        self._mover = BackgroundThread(self._work, "rcs-reports-move")

    def wake(self) -> None:
        """Have the spool looked at soon, in the background; return at once."""
        self._move_requested.set()
        self._mover.ensure_started()

    def store_takes_reports(self) -> bool:
        """Return whether the latest reports were committed to the store, and none has failed since."""
        return self._store_available

    async def save(self, pushed: ReceivedReports, seconds: float) -> Saved:
        """Return where a push is safe, once it is.

        :param pushed: what one request brought.
        :param seconds: how long the store and the spool together may take.
        :raises RequestRefusedError: if it is not safe; it may be in the store nevertheless.
        """
        deadline = time.monotonic() + seconds
        if self._store_available or self._spool is None:
            for_store = seconds if self._spool is None else min(_STORE_TIMEOUT, seconds * _STORE_SHARE)
            try:
                await self._store_commits.commit(pushed, for_store)
            except TimeoutError:
                self._suspend_store("its commits take too long")
            except Exception:  # noqa: BLE001 - logged once for the whole batch; here any error means: not in the store
                self._suspend_store("its commits fail")
            else:
                return Saved.COMMITTED
        await self._save_to_spool(pushed, deadline - time.monotonic())
        return Saved.SPOOLED

    async def _save_to_spool(self, pushed: ReceivedReports, seconds: float) -> None:
        count = len(pushed.reports) + len(pushed.inbound) + len(pushed.refused)
        if self._spool is None:
            raise self._unsaved(STORE_FAILED, count, "no spool is set")
        try:
            await self._spool_commits.commit(pushed, seconds)
        except SpoolFullError:
            raise self._unsaved(SPOOL_FULL, count, "the spool is full") from None
        except TimeoutError:
            raise self._unsaved(STORE_FAILED, count, "the spool takes too long") from None
        except Exception:  # noqa: BLE001 - logged for the batch
            raise self._unsaved(STORE_FAILED, count, "the spool cannot be written") from None
        self._metrics.incr(names.SPOOLED, count)
        if self._store_available:
            # The store came back, and the spool was moved, before this was appended.
            self.wake()

    def _unsaved(self, response: Response, count: int, reason: str) -> RequestRefusedError:
        """Count what is answered 503, say so once a minute, and return the error that answers it."""
        self._metrics.incr(names.UNSAVED, count)
        if (now := time.monotonic()) >= self._next_unsaved_line_at:
            self._next_unsaved_line_at = now + _SECONDS_BETWEEN_UNSAVED_LINES
            log.error("Reports are answered 503, because the store does not accept them and %s", reason)
        return RequestRefusedError(response)

    def _suspend_store(self, reason: str) -> None:
        if self._store_available:
            self._store_available = False
            until = "go to the spool" if self._spool else "are answered 503, because no spool is set"
            log.warning("The store is not accepting reports (%s); until it does, they %s", reason, until)
        self.wake()

    async def _land(self, take: Callable[[], list[ReceivedReports]]) -> None:
        if not self._connected:
            await self._store_thread.run(self._connect)
        if self._landing is None:
            return await self._store_thread.run(lambda: self._land_in_thread(take()))
        pushes, started = take(), time.monotonic()
        if any(each.refused or each.inbound for each in pushes):
            return await self._store_thread.run(partial(self._land_in_thread, pushes))
        await self._landing.land(pushes, _STORE_TIMEOUT)
        return self._record_landing(pushes, started)

    def _connect(self) -> None:
        engine = self._get_engine()
        if engine.dialect.driver == "psycopg":
            self._landing = AsyncLanding(engine)
            self._store_commits.concurrent = _CONCURRENT_COMMITS
        self._connected = True

    def _land_in_thread(self, pushes: Sequence[ReceivedReports]) -> None:
        engine, started = self._get_engine(), time.monotonic()
        land_all(engine, pushes, self._opt_out_words)
        self._record_landing(pushes, started)

    def _record_landing(self, pushes: Sequence[ReceivedReports], started: float) -> None:
        self._metrics.timing(names.COMMIT_TIME, (time.monotonic() - started) * 1000)
        self._metrics.incr(names.COMMITTED, sum(len(each.reports) + len(each.inbound) for each in pushes))
        self._on_landed()

    async def _append_to_spool(self, take: Callable[[], list[ReceivedReports]]) -> None:
        spool = self._spool
        if spool is not None:
            await self._spool_thread.run(lambda: spool.append(take()))

    def _work(self) -> None:
        while True:
            self._move_requested.wait(_SECONDS_BETWEEN_SPOOL_CHECKS)
            self._move_requested.clear()
            if not self._move_spool():
                time.sleep(_SECONDS_TO_NEXT_TRY)
                self._move_requested.set()

    def _move_spool(self) -> bool:
        """Move what is in the spool to the store, and return whether the store accepts reports."""
        try:
            for pushes in self._spool.drain() if self._spool else ():
                self._land_spooled(pushes)
            if not self._store_available:
                started = time.monotonic()
                land_nothing(self._get_engine())
                if time.monotonic() - started > _SECONDS_OF_A_FAST_COMMIT:
                    return False
        except Exception as error:  # noqa: BLE001 - retried for as long as it takes
            reason = str(error) if isinstance(error, RcsError) else type(error).__name__
            log.debug("The store is still not accepting reports: %s", reason)
            return False
        if not self._store_available:
            self._store_available = True
            log.warning("The store is accepting reports again")
            # Reports spooled since then are still in the spool.
            self._move_requested.set()
        return True

    def _land_spooled(self, pushes: Sequence[ReceivedReports]) -> None:
        """Land pushes; a report whose data the database refuses, while it accepts others, is kept with the refused."""
        try:
            return self._land_in_thread(pushes)
        # No other error is a fault of the reports: they wait in the spool until it is put right.
        except (RcsRefusedDataError, sa.exc.StatementError):
            parts = [part for pushed in pushes for part in _parts(pushed)]
            if len(parts) == 1 and not accepts_another_report(self._get_engine()):
                raise
        if len(parts) > 1:
            for part in parts:
                self._land_spooled([part])
            return None
        [refused] = parts
        try:
            # What was wrong may have been put right just before the database accepted another one.
            return self._land_in_thread([refused])
        except (RcsRefusedDataError, sa.exc.StatementError):
            whole = RefusedReport(REJECTED_BY_DATABASE, "application/json", write_line(refused))
        return self._land_in_thread(
            [ReceivedReports(refused.received_at, refused=[whole], let_in_by=refused.let_in_by)]
        )


def _parts(pushed: ReceivedReports) -> list[ReceivedReports]:
    """Return the reports, the messages and the refused bodies of a push, each as a push of its own."""
    empty = pushed._replace(reports=(), inbound=(), refused=())
    reports = [empty._replace(reports=[each]) for each in pushed.reports]
    inbound = [empty._replace(inbound=[each]) for each in pushed.inbound]
    return reports + inbound + [empty._replace(refused=[each]) for each in pushed.refused]
