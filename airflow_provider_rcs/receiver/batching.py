"""Shared commits: what comes while the last commit is under way goes into the next one together.

No timer: the queue gathers by itself, as long as the database is slower than the network; and what comes in one turn of
the event loop wakes a thread once, not for each of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.deadlines import Deadlines
from airflow_provider_rcs.receiver.threads import BackgroundThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)
T = TypeVar("T")


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
        gathered = self._gathered
        if gathered is None or gathered.loop is not loop or gathered.seconds != seconds:
            gathered = self._gathered = _Gathered(loop, seconds)
            self._deadlines.begin(gathered, seconds)
            loop.call_soon(self._hand_over, gathered)
        gathered.requests.append((item, settled))
        await settled

    def allow(self, commits: int) -> None:
        """Let so many commits be under way at once from now on; for a commit that has found out what it can do."""
        while len(self._threads) < commits:
            self._threads.append(BackgroundThread(self._work, f"rcs-reports-{self._where}-{len(self._threads) + 1}"))
            self._threads[-1].ensure_started()

    def _hand_over(self, gathered: _Gathered[T]) -> None:
        if gathered is self._gathered:
            self._gathered = None
        self._waiting.put(gathered)
        self._threads[0].ensure_started()

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            with contextlib.suppress(Empty):
                while True:
                    batch.append(self._waiting.get_nowait())
            awaited = [item for gathered in batch for item, settled in gathered.requests if not settled.done()]
            error = self._try(awaited) if awaited else None
            # The loop is closed where the server's time to end ran out: then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                batch[-1].loop.call_soon_threadsafe(self._settle, batch, error)

    def _settle(self, batch: Sequence[_Gathered[T]], error: Exception | None) -> None:
        for gathered in batch:
            self._deadlines.end(gathered)
            gathered.settle(error)

    def _try(self, items: Sequence[T]) -> Exception | None:
        try:
            self._commit(items)
        except Exception as error:  # noqa: BLE001 - it is raised in each request that waits
            told = str(error) if isinstance(error, RcsError) else type(error).__name__
            log.error("%d requests could not be committed to the %s: %s", len(items), self._where, told)  # noqa: TRY400 - no data in logs
            return error
        return None


class _Gathered(Generic[T]):
    """What came in one turn of an event loop, and has as long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.loop = loop
        self.seconds = seconds
        self.requests: list[tuple[T, asyncio.Future[None]]] = []

    def settle(self, error: Exception | None) -> None:
        """Tell all that wait."""
        for _, settled in self.requests:
            if settled.done():
                continue
            if error is None:
                settled.set_result(None)
            else:
                settled.set_exception(error)


def _give_up(gathered: _Gathered[Any]) -> None:
    gathered.settle(TimeoutError())
