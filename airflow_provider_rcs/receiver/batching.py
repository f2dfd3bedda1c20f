"""Shared commits: reports that come while one commit is under way go into the next one together.

No timer: the queue gathers by itself, as long as the database is slower than the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.threads import BackgroundThread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_rcs.api.models import Report

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Pushed:
    reports: Sequence[Report]
    settled: asyncio.Future[None]


class SharedCommits:
    """Commits the reports of many requests at once.

    :param commit: commits reports, all or none; called in a thread, one call at a time.
    """

    def __init__(self, commit: Callable[[Sequence[Report]], None]) -> None:
        self._commit = commit
        self._waiting: SimpleQueue[_Pushed] = SimpleQueue()
        self._thread = BackgroundThread(self._work, "rcs-reports-commit")

    async def commit(self, reports: Sequence[Report]) -> None:
        """Return once the reports are committed; raise what kept them from it, whatever it is."""
        # A future for each request, because one that is cancelled must not take the others with it.
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Pushed(reports, settled))
        self._thread.ensure_started()
        await settled

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            # Nobody else takes from the queue, so what is there stays there.
            while not self._waiting.empty():
                batch.append(self._waiting.get())
            error = self._try([report for pushed in batch for report in pushed.reports])
            # The loop is closed where the server's time to end ran out: then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                batch[0].settled.get_loop().call_soon_threadsafe(_settle, batch, error)

    def _try(self, reports: Sequence[Report]) -> Exception | None:
        try:
            self._commit(reports)
        except Exception as error:  # noqa: BLE001 - it is raised in each request that waits
            told = str(error) if isinstance(error, RcsError) else type(error).__name__
            log.error("%d reports could not be committed: %s", len(reports), told)  # noqa: TRY400 - no data in logs
            return error
        return None


def _settle(batch: Sequence[_Pushed], error: Exception | None) -> None:
    for pushed in batch:
        if pushed.settled.done():
            continue
        if error is None:
            pushed.settled.set_result(None)
        else:
            pushed.settled.set_exception(error)
