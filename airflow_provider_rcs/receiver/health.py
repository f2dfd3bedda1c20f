"""The health check: whether a report would be accepted now."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.receiver.background import CallThread
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.inbox.backlog import Backlog, read_backlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_rcs.receiver.spool import Spool

_CACHED_SECONDS = 1.0
_STORE_TIMEOUT = 0.5


class HealthCheck:
    """Checks whether the store responds, or else the spool has room; queries the store at most once a second.

    :param get_engine: returns the store's engine; called in a thread.
    """

    def __init__(self, get_engine: Callable[[], sa.Engine], spool: Spool | None) -> None:
        self._get_engine = get_engine
        self._spool = spool
        self._thread = CallThread("rcs-reports-health check")
        # Another one, so that a slow count of the backlog does not make the store look unavailable.
        self._backlog_thread = CallThread("rcs-reports-backlog")
        self._backlog: Backlog | None = None
        self._ready = False
        self._next_check_at = 0.0
        self._next_backlog_at = 0.0

    async def is_ready(self) -> bool:
        """Return whether a report would be accepted now."""
        if time.monotonic() >= self._next_check_at:
            self._next_check_at = time.monotonic() + _CACHED_SECONDS
            try:
                async with asyncio.timeout(_STORE_TIMEOUT):
                    await self._thread.run(self._query)
                self._ready = True
            except Exception:  # noqa: BLE001 - any error means that the store does not respond
                self._ready = self._spool is not None and self._spool.has_room()
        return self._ready

    async def backlog(self) -> Backlog | None:
        """Return what folding has not applied; ``None`` if the store does not say so in time."""
        if time.monotonic() >= self._next_backlog_at:
            self._next_backlog_at = time.monotonic() + _CACHED_SECONDS
            self._backlog = None
            with suppress(Exception):
                async with asyncio.timeout(_STORE_TIMEOUT):
                    self._backlog = await self._backlog_thread.run(lambda: read_backlog(self._get_engine()))
        return self._backlog

    def _query(self) -> None:
        with reading(self._get_engine()) as connection:
            connection.execute(sa.select(1))
