"""Keeping: what came is safe in the store, or in the spool while the store does not take it, before it is answered."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError, RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.receiver import metrics as names
from airflow_provider_rcs.receiver.group_commit import SharedCommits
from airflow_provider_rcs.receiver.spool import SpoolFullError
from airflow_provider_rcs.receiver.spool_lines import write_line
from airflow_provider_rcs.receiver.threads import BackgroundThread
from airflow_provider_rcs.store.engine import transaction
from airflow_provider_rcs.store.landing import Arrivals, Landing, land_all
from airflow_provider_rcs.store.refused_reports import RefusedReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_rcs.receiver.metrics import Counters
    from airflow_provider_rcs.receiver.spool import Spool

log = logging.getLogger(__name__)

# PostgreSQL writes several to the disk together; on SQLite the second one would only wait for the first.
_COMMITS_AT_ONCE = 2
_SECONDS_FOR_THE_STORE = 0.5
# Of the time that there is, when both are slow: the store's commit takes longer than the spool's.
_SHARE_FOR_THE_STORE = 0.6
_SECONDS_TO_THE_NEXT_TRY = 1.0
# How soon what a dead process left is found by those that live.
_SECONDS_TO_THE_NEXT_LOOK = 30.0


class NotKeptError(Exception):
    """Neither the store nor the spool took it within the time there is.

    :param spool_full: whether the spool has no room left.
    """

    def __init__(self, *, spool_full: bool = False) -> None:
        super().__init__()
        self.spool_full = spool_full


class Keeping:
    """Keeps what came; moves what is in the spool to the store, in the background, as soon as the store takes it.

    What the store was too slow for may be in both, and then lands twice, which folding does not mind.

    :param engine: gives the store's engine; called in threads.
    :param spool: where to keep what the store does not take; ``None`` to have it refused.
    :param counters: told what became of it.
    :param landed: called in a thread whenever something new is in the store.
    """

    def __init__(
        self, engine: Callable[[], sa.Engine], spool: Spool | None, counters: Counters, landed: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._spool = spool
        self._counters = counters
        self._landed = landed
        self._store_takes = True
        self._landings: list[Landing] = []
        self._commits = SharedCommits(self._land, "store", self._begin_landing)
        self._spooling = SharedCommits(self._append, "spool")
        self._due = threading.Event()
        self._moving = BackgroundThread(self._work, "rcs-reports-move")

    def wake(self) -> None:
        """Have it look for what is in the spool, soon; returns at once."""
        self._due.set()
        self._moving.ensure_started()

    async def keep(self, arrivals: Arrivals, seconds: float) -> None:
        """Return once it is safe.

        :param seconds: how long it may take, the store and the spool together.
        :raises NotKeptError: if it is not; it may be in the store nevertheless.
        """
        end = time.monotonic() + seconds
        if self._store_takes or self._spool is None:
            try:
                for_the_store = min(_SECONDS_FOR_THE_STORE, seconds * _SHARE_FOR_THE_STORE)
                return await self._commits.commit(arrivals, for_the_store)
            except TimeoutError:
                self._doubt_store("it takes too long")
            except Exception:  # noqa: BLE001 - it was logged once for the whole batch; here it means: not the store
                self._doubt_store("it fails")
        await self._keep_in_spool(arrivals, end - time.monotonic())
        return None

    async def _keep_in_spool(self, arrivals: Arrivals, seconds: float) -> None:
        if self._spool is None:
            raise NotKeptError
        try:
            await self._spooling.commit(arrivals, seconds)
        except SpoolFullError:
            raise NotKeptError(spool_full=True) from None
        except Exception:  # noqa: BLE001 - logged in the batch
            raise NotKeptError from None
        self._counters.count(names.SPOOLED, len(arrivals.reports) + len(arrivals.refused))
        if self._store_takes:
            # It does so again, and what was in the spool was moved, before this was there.
            self.wake()

    def _doubt_store(self, why: str) -> None:
        if self._store_takes:
            self._store_takes = False
            log.warning("The store does not take reports (%s); until it does, they go to the spool", why)
        self.wake()

    def _begin_landing(self, take: Callable[[], Sequence[Arrivals]], done: Callable[[bool], None]) -> bool:
        """Land in the event loop, over a connection that a thread has landed over before."""
        if not (landing := self._idle_landing()):
            return False
        begun = time.monotonic()

        def tell(is_committed: bool) -> None:
            self._landings.append(landing)
            done(is_committed)
            if is_committed:
                self._count_landing(arrivals, begun)

        if landing.is_nonblocking:
            arrivals = take()
            if landing.begin(arrivals, tell):
                return True
        self._landings.append(landing)
        return False

    def _land(self, arrivals: Sequence[Arrivals]) -> None:
        engine, begun = self._engine(), time.monotonic()
        if engine.dialect.name == "postgresql":
            self._commits.allow(_COMMITS_AT_ONCE)
        landing = self._idle_landing() or Landing(engine)
        try:
            landing.land(arrivals)
        finally:
            self._landings.append(landing)
        self._count_landing(arrivals, begun)

    def _idle_landing(self) -> Landing | None:
        # Asked in threads and in the event loop: between a look and a pop another one may have it.
        try:
            return self._landings.pop()
        except IndexError:
            return None

    def _land_apart(self, arrivals: Sequence[Arrivals]) -> None:
        """Land what comes from the spool, in the thread that moves it."""
        engine, begun = self._engine(), time.monotonic()
        land_all(engine, arrivals)
        self._count_landing(arrivals, begun)

    def _count_landing(self, arrivals: Sequence[Arrivals], begun: float) -> None:
        self._counters.took(names.COMMIT_TIME, time.monotonic() - begun)
        self._counters.count(names.COMMITTED, sum(len(each.reports) for each in arrivals))
        self._landed()

    def _land_from_spool(self, arrivals: Sequence[Arrivals]) -> None:
        try:
            self._land_apart(arrivals)
        except RcsStoreUnavailable:
            raise
        except (RcsStoreError, sa.exc.StatementError):
            # The database is there and does not want one of them: that must not hold up the others for ever.
            for each in arrivals:
                self._land_or_refuse(each)

    def _land_or_refuse(self, arrivals: Arrivals) -> None:
        try:
            self._land_apart([arrivals])
        except RcsStoreUnavailable:
            raise
        except (RcsStoreError, sa.exc.StatementError):
            whole = RefusedReport("the database refused it", "application/json", write_line(arrivals))
            self._land_apart([Arrivals(arrivals.received_at, refused=[whole])])

    def _append(self, arrivals: Sequence[Arrivals]) -> None:
        if self._spool is not None:
            self._spool.append(arrivals)

    def _work(self) -> None:
        while True:
            self._due.wait(_SECONDS_TO_THE_NEXT_LOOK)
            self._due.clear()
            if not self._move():
                time.sleep(_SECONDS_TO_THE_NEXT_TRY)
                self._due.set()

    def _move(self) -> bool:
        """Move what is in the spool, and tell whether the store takes reports."""
        try:
            for arrivals in self._spool.take() if self._spool else ():
                self._land_from_spool(arrivals)
            if not self._store_takes:
                begun = time.monotonic()
                with transaction(self._engine()) as connection:
                    connection.execute(sa.select(1))
                if time.monotonic() - begun > _SECONDS_FOR_THE_STORE:
                    return False
        except Exception as error:  # noqa: BLE001 - it is tried again, for as long as it takes
            told = str(error) if isinstance(error, RcsError) else type(error).__name__
            log.debug("The store does not take reports yet: %s", told)
            return False
        if not self._store_takes:
            self._store_takes = True
            log.warning("The store takes reports again")
            # What was put into the spool since is there still.
            self._due.set()
        return True
