"""Shared commits: what comes while the last commit is under way goes into the next one together.

No timer: the queue gathers by itself, as long as the database is slower than the network; and what comes in one turn of
the event loop wakes a thread once, not for each of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.deadlines import Deadlines
from airflow_provider_rcs.receiver.threads import BackgroundThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)
T = TypeVar("T")


class _Gathered(Generic[T]):
    """What came in one turn of an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.requests: list[tuple[T, asyncio.Future[None]]] = []


class SharedCommits(Generic[T]):
    """Commits what many requests bring at once.

    :param commit: commits items, all or none; called in a thread, one call at a time unless more are allowed.
    :param where: the place that it commits to, for the log.
    """

    def __init__(self, commit: Callable[[Sequence[T]], None], where: str) -> None:
        self._commit = commit
        self._where = where
        self._gathered: _Gathered[T] | None = None
        self._waiting: SimpleQueue[_Gathered[T]] = SimpleQueue()
        self._deadlines = Deadlines(_give_up)
        self._threads = [BackgroundThread(self._work, f"rcs-reports-{where}")]

    async def commit(self, item: T, seconds: float) -> None:
        """Return once the item is committed; raise what kept it from it, whatever it is.

        An item that is given up before its turn is not committed; one whose turn has come may be.

        :raises TimeoutError: if it takes longer than so many seconds.
        """
        # A future for each request, because one that is cancelled must not take the others with it.
        loop = asyncio.get_running_loop()
        settled: asyncio.Future[None] = loop.create_future()
        self._deadlines.begin(settled, seconds)
        if self._gathered is None or self._gathered.loop is not loop:
            self._gathered = _Gathered(loop)
            loop.call_soon(self._hand_over, self._gathered)
        self._gathered.requests.append((item, settled))
        try:
            await settled
        finally:
            self._deadlines.end(settled)

    def allow(self, commits: int) -> None:
        """Let so many commits be under way at once from now on; for a commit that has found out what it can do."""
        while len(self._threads) < commits:
            self._threads.append(BackgroundThread(self._work, f"rcs-reports-{self._where}-{len(self._threads) + 1}"))
            self._threads[-1].ensure_started()

    def _hand_over(self, gathered: _Gathered[T]) -> None:
        self._gathered = None
        self._waiting.put(gathered)
        self._threads[0].ensure_started()

    def _work(self) -> None:
        while True:
            batch = self._waiting.get().requests
            with contextlib.suppress(Empty):
                while True:
                    batch += self._waiting.get_nowait().requests
            awaited = [(item, settled) for item, settled in batch if not settled.done()]
            if not awaited:
                continue
            error = self._try([item for item, _ in awaited])
            waiting = [settled for _, settled in awaited]
            # The loop is closed where the server's time to end ran out: then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                waiting[0].get_loop().call_soon_threadsafe(_settle, waiting, error)

    def _try(self, items: Sequence[T]) -> Exception | None:
        try:
            self._commit(items)
        except Exception as error:  # noqa: BLE001 - it is raised in each request that waits
            told = str(error) if isinstance(error, RcsError) else type(error).__name__
            log.error("%d requests could not be committed to the %s: %s", len(items), self._where, told)  # noqa: TRY400 - no data in logs
            return error
        return None


def _give_up(settled: asyncio.Future[None]) -> None:
    if not settled.done():
        settled.set_exception(TimeoutError())


def _settle(waiting: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for settled in waiting:
        if settled.done():
            continue
        if error is None:
            settled.set_result(None)
        else:
            settled.set_exception(error)
