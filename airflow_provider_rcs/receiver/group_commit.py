"""Shared commits: what comes while the last commit is under way goes into the next one together.

No timer: the queue gathers by itself, as long as the database is slower than the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.deadlines import Deadlines
from airflow_provider_rcs.receiver.threads import BackgroundThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)
T = TypeVar("T")


class SharedCommits(Generic[T]):
    """Commits what many requests bring at once; used in one event loop at a time.

    :param commit: commits items, all or none; called in a thread, one call at a time unless more are allowed.
    :param where: the place that it commits to, for the log.
    :param begin: begins to commit the items that it takes in the event loop itself, and tells whether it could begin;
        whether they are committed, it tells to the function that it is given. What it fails at is left to ``commit``.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], None],
        where: str,
        begin: Callable[[Callable[[], Sequence[T]], Callable[[bool], None]], bool] = lambda *_: False,
    ) -> None:
        self._commit = commit
        self._where = where
        self._begin = begin
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gathered: _Gathered[T] | None = None
        self._waiting: deque[_Gathered[T]] = deque()
        self._under_way = 0
        self._deadlines = Deadlines(_give_up)
        self._due: SimpleQueue[_Batch[T]] = SimpleQueue()
        self._threads = [BackgroundThread(self._work, f"rcs-reports-{where}")]

    async def commit(self, item: T, seconds: float) -> None:
        """Return once the item is committed; raise what kept it from it, whatever it is.

        An item that is given up before its turn is not committed; one whose turn has come may be.

        :raises TimeoutError: if it takes longer than so many seconds.
        """
        # A future for each request, because one that is cancelled must not take the others with it.
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # What another one has begun, nobody waits for any more.
            self._loop, self._gathered, self._under_way = loop, None, 0
            self._waiting.clear()
        settled: asyncio.Future[None] = loop.create_future()
        gathered = self._gathered
        if gathered is None or gathered.seconds != seconds:
            gathered = self._gathered = _Gathered(seconds)
            self._deadlines.begin(gathered, seconds)
            loop.call_soon(self._hand_over, gathered)
        gathered.requests.append((item, settled))
        await settled

    def allow(self, commits: int) -> None:
        """Let so many commits be under way at once from now on; for a commit that has found out what it can do."""
        while len(self._threads) < commits:
            self._threads.append(BackgroundThread(self._work, f"rcs-reports-{self._where}-{len(self._threads) + 1}"))

    def _hand_over(self, gathered: _Gathered[T]) -> None:
        if gathered is self._gathered:
            self._gathered = None
        self._waiting.append(gathered)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and self._under_way < len(self._threads) and self._loop is not None:
            self._under_way += 1
            batch = _Batch(self._loop, self._waiting)
            if not self._has_begun(batch):
                self._commit_in_thread(batch)

    def _has_begun(self, batch: _Batch[T]) -> bool:
        try:
            return self._begin(batch.take, partial(self._begun_has_ended, batch))
        except Exception:  # noqa: BLE001 - the thread does it again, and finds out why
            return False

    def _begun_has_ended(self, batch: _Batch[T], is_committed: bool) -> None:
        if is_committed:
            self._end(batch, None)
        else:
            self._commit_in_thread(batch)

    def _commit_in_thread(self, batch: _Batch[T]) -> None:
        self._due.put(batch)
        for thread in self._threads:
            thread.ensure_started()

    def _work(self) -> None:
        while True:
            batch = self._due.get()
            # Taken only now: what has come until the thread gets its turn goes with the rest.
            items = batch.take()
            error = self._try(items) if items else None
            # The loop is closed where the server's time to end ran out: then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                batch.loop.call_soon_threadsafe(self._end, batch, error)

    def _end(self, batch: _Batch[T], error: Exception | None) -> None:
        if batch.loop is self._loop:
            self._under_way -= 1
            # First, so that the database works while the answers are written.
            self._go_on()
        for gathered in batch.gathered:
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

    def __init__(self, seconds: float) -> None:
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


class _Batch(Generic[T]):
    """What goes into one commit: what waits for it when its turn comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, waiting: deque[_Gathered[T]]) -> None:
        self.loop = loop
        self.gathered: list[_Gathered[T]] = []
        self._waiting = waiting

    def take(self) -> list[T]:
        """Take what waits, and return what of it nobody has given up; the same again, once it was taken."""
        if not self.gathered:
            with contextlib.suppress(IndexError):
                while True:
                    self.gathered.append(self._waiting.popleft())
        return [item for each in self.gathered for item, settled in each.requests if not settled.done()]


def _give_up(gathered: _Gathered[Any]) -> None:
    gathered.settle(TimeoutError())
