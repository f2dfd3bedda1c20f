"""The health check: whether a report would be accepted now, by the store or by the spool."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.receiver.background import CallThread
from airflow_provider_rcs.receiver.responses import NOT_READY, Response, degraded, ready
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.inbox.backlog import Backlog, read_backlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_rcs.receiver.spool import Spool

_CACHED_SECONDS = 1.0
_TIMEOUT = 0.5


class HealthCheck:
    """Checks whether the store takes reports, or else whether the spool has room; at most once a second.

    :param get_engine: returns the store's engine; called in a thread.
    :param spool: saves what the store does not accept; ``None`` if nothing does.
    :param store_takes_reports: returns whether the latest reports were committed to the store.
    """

    def __init__(
        self, get_engine: Callable[[], sa.Engine], spool: Spool | None, store_takes_reports: Callable[[], bool]
    ) -> None:
        self._get_engine = get_engine
        self._spool = spool
        self._store_takes_reports = store_takes_reports
        # One for each, so that a query that hangs does not delay the others.
        self._store_thread = CallThread("rcs-reports-health check")
        self._backlog_thread = CallThread("rcs-reports-health backlog")
        self._spool_thread = CallThread("rcs-reports-health spool")
        self._response = NOT_READY
        self._next_check_at = 0.0

    async def check(self) -> Response:
        """Return ready or degraded if a report would be accepted now, and not ready otherwise."""
        if time.monotonic() >= self._next_check_at:
            self._next_check_at = time.monotonic() + _CACHED_SECONDS
            is_ready = await self._is_store_ready()
            self._response = ready(await self._read_backlog()) if is_ready else await self._check_spool()
        return self._response

    async def _is_store_ready(self) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._store_thread.run(self._query)
        except Exception:  # noqa: BLE001 - any error means that the store does not respond
            return False
        return self._store_takes_reports()

    async def _read_backlog(self) -> Backlog | None:
        """Return what folding has not applied; ``None`` if the store does not say so in time."""
        with suppress(Exception):
            async with asyncio.timeout(_TIMEOUT):
                return await self._backlog_thread.run(lambda: read_backlog(self._get_engine()))
        return None

    async def _check_spool(self) -> Response:
        if self._spool is None:
            return NOT_READY
        try:
            async with asyncio.timeout(_TIMEOUT):
                state = await self._spool_thread.run(self._spool.state)
        except TimeoutError:
            return NOT_READY
        age = (datetime.now(UTC) - state.oldest).total_seconds() if state.oldest else 0.0
        return degraded(state.entries, max(0, round(age))) if state.has_room else NOT_READY

    def _query(self) -> None:
        with reading(self._get_engine()) as connection:
            connection.execute(sa.select(1))
