"""Group commit: requests that arrive while one commit is running share the next one.

No timer is needed: requests queue up by themselves whenever the database is slower than the network.
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
from airflow_provider_rcs.receiver.background import BackgroundThread
from airflow_provider_rcs.receiver.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)
T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Commits the items of many concurrent requests together; used in one event loop at a time.

    :param commit: commits items, all or none; called in a thread, one call at a time unless more are allowed.
    :param name: the operation, such as ``"store commit"``, for the log and the names of threads.
    :param begin: starts a commit in the event loop itself, and returns whether it could. It is passed a function that
        returns the items, and one to call with whether they were committed. Items that it does not commit are passed to
        ``commit``.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], None],
        name: str,
        begin: Callable[[Callable[[], Sequence[T]], Callable[[bool], None]], bool] = lambda *_: False,
    ) -> None:
        self._commit = commit
        self._name = name
        self._begin = begin
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arriving: _Arrived[T] | None = None
        self._waiting: deque[_Arrived[T]] = deque()
        self._running_commits = 0
        self._deadlines = Deadlines(_time_out)
        self._batches: SimpleQueue[_Batch[T]] = SimpleQueue()
        self._threads = [BackgroundThread(self._work, f"rcs-reports-{name}")]

    async def commit(self, item: T, timeout: float) -> None:
        """Return once the item is committed; raise whatever prevented it.

        An item that is cancelled or times out while it is queued is not committed; later it may be.

        :param timeout: in seconds.
        :raises TimeoutError: if the commit takes longer.
        """
        # One future for each request, because cancelling one must not cancel the others.
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Requests of a previous loop are no longer awaited.
            self._loop, self._arriving, self._running_commits = loop, None, 0
            self._waiting.clear()
        done: asyncio.Future[None] = loop.create_future()
        arriving = self._arriving
        if arriving is None or arriving.timeout != timeout:
            arriving = self._arriving = _Arrived(timeout)
            self._deadlines.begin(arriving, timeout)
            loop.call_soon(self._enqueue, arriving)
        arriving.requests.append((item, done))
        await done

    def allow_concurrent(self, commits: int) -> None:
        """Allow so many commits to run at once from now on."""
        while len(self._threads) < commits:
            self._threads.append(BackgroundThread(self._work, f"rcs-reports-{self._name}-{len(self._threads) + 1}"))

    def _enqueue(self, arrived: _Arrived[T]) -> None:
        if arrived is self._arriving:
            self._arriving = None
        self._waiting.append(arrived)
        self._start_next()

    def _start_next(self) -> None:
        if self._waiting and self._running_commits < len(self._threads) and self._loop is not None:
            self._running_commits += 1
            batch = _Batch(self._loop, self._waiting)
            if not self._begins_in_loop(batch):
                self._commit_in_thread(batch)

    def _begins_in_loop(self, batch: _Batch[T]) -> bool:
        try:
            return self._begin(batch.take, partial(self._finish_in_loop, batch))
        except Exception:  # noqa: BLE001 - the thread tries again, and raises the reason
            return False

    def _finish_in_loop(self, batch: _Batch[T], is_committed: bool) -> None:
        if is_committed:
            self._finish(batch, None)
        else:
            self._commit_in_thread(batch)

    def _commit_in_thread(self, batch: _Batch[T]) -> None:
        self._batches.put(batch)
        for thread in self._threads:
            thread.ensure_started()

    def _work(self) -> None:
        while True:
            batch = self._batches.get()
            # Taken only now, so that requests that arrived before the thread woke up are included.
            items = batch.take()
            error = self._try(items) if items else None
            # The loop is closed if the server's shutdown timed out: then no request is waiting any more.
            with contextlib.suppress(RuntimeError):
                batch.loop.call_soon_threadsafe(self._finish, batch, error)

    def _finish(self, batch: _Batch[T], error: Exception | None) -> None:
        if batch.loop is self._loop:
            self._running_commits -= 1
            # First, so that the database works while the responses are written.
            self._start_next()
        for arrived in batch.taken:
            self._deadlines.end(arrived)
            arrived.finish(error)

    def _try(self, items: Sequence[T]) -> Exception | None:
        try:
            self._commit(items)
        except Exception as error:  # noqa: BLE001 - raised in each waiting request
            reason = str(error) if isinstance(error, RcsError) else type(error).__name__
            log.error("The %s failed for %d request(s): %s", self._name, len(items), reason)  # noqa: TRY400 - no data in logs
            return error
        return None


class _Arrived(Generic[T]):
    """Requests with the same timeout that arrived in one iteration of the event loop."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.requests: list[tuple[T, asyncio.Future[None]]] = []

    def finish(self, error: Exception | None) -> None:
        """Resume the requests that are still waiting."""
        for _, done in self.requests:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)


class _Batch(Generic[T]):
    """The requests of one commit: those that are waiting when it starts."""

    def __init__(self, loop: asyncio.AbstractEventLoop, waiting: deque[_Arrived[T]]) -> None:
        self.loop = loop
        self.taken: list[_Arrived[T]] = []
        self._waiting = waiting

    def take(self) -> list[T]:
        """Return the items of the waiting requests that have not been cancelled; a second call takes no more."""
        if not self.taken:
            with contextlib.suppress(IndexError):
                while True:
                    self.taken.append(self._waiting.popleft())
        return [item for each in self.taken for item, done in each.requests if not done.done()]


def _time_out(arrived: _Arrived[Any]) -> None:
    arrived.finish(TimeoutError())
