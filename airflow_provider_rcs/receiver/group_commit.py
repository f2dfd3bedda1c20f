"""Group commit: requests that arrive while one commit is running share the next one.

No timer is needed: requests queue up by themselves whenever the database is slower than the network.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_rcs.api.errors import RcsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)
T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Commits the items of many concurrent requests together; used in one event loop at a time.

    ``concurrent`` is the number of commits that may run at once.

    :param commit: commits items, all or none. It is passed a function that returns the items, and calls it once, as
        late as it can; a thread may call it.
    :param name: the operation, such as ``"store commit"``, for the log.
    """

    def __init__(self, commit: Callable[[Callable[[], list[T]]], Awaitable[None]], name: str) -> None:
        self.concurrent = 1
        self._commit = commit
        self._name = name
        self._queue: deque[tuple[T, asyncio.Future[None]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def commit(self, item: T, timeout: float) -> None:
        """Return once the item is committed; raise whatever prevented it.

        An item that is cancelled or times out while it is queued is not committed; later it may be.

        :param timeout: in seconds.
        :raises TimeoutError: if the commit takes longer.
        """
        loop = asyncio.get_running_loop()
        # One future for each request, because cancelling one must not cancel the others.
        done: asyncio.Future[None] = loop.create_future()
        self._queue.append((item, done))
        if len(self._tasks) < self.concurrent:
            # It starts in the next turn of the loop, and so commits all that arrives in this one.
            task = loop.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # Costs a third of asyncio.timeout(), which has to tell a timeout from another cancellation.
        timer = loop.call_later(timeout, _time_out, done)
        try:
            await done
        finally:
            timer.cancel()

    async def _work(self) -> None:
        while any(not done.done() for _, done in self._queue):
            batch: list[tuple[T, asyncio.Future[None]]] = []
            error: Exception | None = None
            try:
                await self._commit(partial(self._take, batch))
            except Exception as raised:  # noqa: BLE001 - raised in each waiting request
                error = raised
                if not batch:
                    self._take(batch)  # It failed before it took them.
                reason = str(error) if isinstance(error, RcsError) else type(error).__name__
                log.error("The %s failed for %d request(s): %s", self._name, len(batch), reason)  # noqa: TRY400 - no data in logs
            for _, done in batch:
                if not done.done():
                    done.set_exception(error) if error else done.set_result(None)

    def _take(self, batch: list[tuple[T, asyncio.Future[None]]]) -> list[T]:
        """Move what is queued to a batch, and return the items of the requests that still wait."""
        with suppress(IndexError):
            while True:
                batch.append(self._queue.popleft())
        return [item for item, done in batch if not done.done()]


def _time_out(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_exception(TimeoutError())
