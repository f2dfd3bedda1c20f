"""One look at a store for all campaigns that are waited for in an event loop."""

from __future__ import annotations

import asyncio
import math
from asyncio import AbstractEventLoop, Future
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider_rcs.triggers.pooled_engine import pooled_engine

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from airflow_provider_rcs.store.read.funnel import Funnel


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a campaign stands.

    :param funnel: its counts.
    :param silent_since: since when reports should come, if none has.
    """

    funnel: Funnel
    silent_since: datetime | None


class SharedLook:
    """Looks at a store as often as the most impatient of those who wait, for all of them at once."""

    def __init__(self, store_conn_id: str) -> None:
        self._store_conn_id = store_conn_id
        self._members = 0
        self._waiting: dict[Future[Standing | None], tuple[str, float]] = {}
        self._looked_at = -math.inf
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def next(self, campaign: str, interval: float) -> Standing | None:
        """Return where a campaign stands at the next look; ``None`` if the store does not know it.

        :param interval: seconds after the last look at which the next one is due.
        :raises RcsError: if the look failed.
        """
        found: Future[Standing | None] = asyncio.get_running_loop().create_future()
        self._waiting[found] = (campaign, interval)
        self._changed.set()
        try:
            return await found
        finally:
            self._waiting.pop(found, None)

    def join(self) -> None:
        """Count one more who waits; the first one starts the looking."""
        self._members += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look_while_wanted())

    def leave(self) -> bool:
        """Count one less, and tell whether nobody is left; then the looking ends by itself, after a look under way."""
        self._members -= 1
        self._changed.set()
        return not self._members

    async def _look_while_wanted(self) -> None:
        while await self._is_due():
            try:
                async with pooled_engine(self._store_conn_id) as engine:
                    await self._look(engine)
                    while await self._is_due():
                        await self._look(engine)
            # Whoever waits must hear of it, whatever it is. The engine was given back: the next look asks for the
            # connection again, which may have been mended.
            except Exception as error:  # noqa: BLE001
                self._looked_at = asyncio.get_running_loop().time()
                for found in self._waiting:
                    if not found.done():
                        found.set_exception(error)
                self._waiting.clear()

    async def _is_due(self) -> bool:
        """Wait for the next look, and return True; or False once nobody wants it any more."""
        while self._members:
            seconds = math.inf
            if self._waiting:
                soonest = self._looked_at + min(interval for _, interval in self._waiting.values())
                seconds = soonest - asyncio.get_running_loop().time()
            if seconds <= 0:
                return True
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds if self._waiting else None)
        return False

    async def _look(self, engine: sa.Engine) -> None:
        asked = dict(self._waiting)
        standings = await asyncio.to_thread(_read, engine, {campaign for campaign, _ in asked.values()})
        self._looked_at = asyncio.get_running_loop().time()
        for found, (campaign, _) in asked.items():
            if self._waiting.pop(found, None) and not found.done():
                found.set_result(standings.get(campaign))


_looks: WeakKeyDictionary[AbstractEventLoop, dict[str, SharedLook]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_look(store_conn_id: str) -> AsyncIterator[SharedLook]:
    """Join those who wait for a store in this event loop."""
    looks = _looks.setdefault(asyncio.get_running_loop(), {})
    if store_conn_id not in looks:
        looks[store_conn_id] = SharedLook(store_conn_id)
    look = looks[store_conn_id]
    look.join()
    try:
        yield look
    finally:
        if look.leave():
            del looks[store_conn_id]


def _read(engine: sa.Engine, campaigns: set[str]) -> Mapping[str, Standing]:
    from airflow_provider_rcs.store.inbox.silence import read_silences
    from airflow_provider_rcs.store.read.funnel import read_funnels

    funnels = read_funnels(engine, campaigns)
    silent = [name for name, funnel in funnels.items() if funnel.is_silent]
    silences = read_silences(engine, silent) if silent else {}
    return {name: Standing(funnel, silences.get(name)) for name, funnel in funnels.items()}
