"""Shared commits: what comes while one commit is under way goes into the next one together.

No timer: the queue gathers by itself, as long as the database is slower than the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.threads import BackgroundThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Pushed(Generic[T]):
    item: T
    settled: asyncio.Future[None]


class SharedCommits(Generic[T]):
    """Commits what many requests bring at once.

    :param commit: commits items, all or none; called in a thread, one call at a time.
    :param where: the place that it commits to, for the log.
    """

    def __init__(self, commit: Callable[[Sequence[T]], None], where: str) -> None:
        self._commit = commit
        self._where = where
        self._waiting: SimpleQueue[_Pushed[T]] = SimpleQueue()
        self._thread = BackgroundThread(self._work, f"rcs-reports-{where}")

    async def commit(self, item: T, seconds: float) -> None:
        """Return once the item is committed; raise what kept it from it, whatever it is.

        An item that is given up before its turn is not committed; one whose turn has come may be.

        :raises TimeoutError: if it takes longer than so many seconds.
        """
        # A future for each request, because one that is cancelled must not take the others with it.
        loop = asyncio.get_running_loop()
        settled: asyncio.Future[None] = loop.create_future()
        self._waiting.put(_Pushed(item, settled))
        self._thread.ensure_started()
        # Not asyncio.timeout(), which takes several times as long: each report passes here.
        end = loop.call_later(seconds, _give_up, settled)
        try:
            await settled
        finally:
            end.cancel()

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            # Nobody else takes from the queue, so what is there stays there.
            while not self._waiting.empty():
                batch.append(self._waiting.get())
            awaited = [pushed for pushed in batch if not pushed.settled.done()]
            if not awaited:
                continue
            error = self._try([pushed.item for pushed in awaited])
            # The loop is closed where the server's time to end ran out: then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                awaited[0].settled.get_loop().call_soon_threadsafe(_settle, awaited, error)

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


def _settle(batch: Sequence[_Pushed[T]], error: Exception | None) -> None:
    for pushed in batch:
        if pushed.settled.done():
            continue
        if error is None:
            pushed.settled.set_result(None)
        else:
            pushed.settled.set_exception(error)
