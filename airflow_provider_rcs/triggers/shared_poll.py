"""One poll of a store for all campaigns that the sensors of an event loop wait for."""

from __future__ import annotations

import asyncio
import math
from asyncio import AbstractEventLoop, Future
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.triggers.store import open_store

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from airflow_provider_rcs.store.read.funnel import Funnel


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """The progress of a campaign.

    :param funnel: its counts.
    :param silent_since: when reports became due, if none has arrived.
    """

    funnel: Funnel
    silent_since: datetime | None


class SharedPoll:
    """Poll a store for all waiting sensors at once, at the shortest of their intervals."""

    def __init__(self, store_conn_id: str) -> None:
        self._store_conn_id = store_conn_id
        self._members = 0
        self._waiting: dict[Future[CampaignProgress | None], tuple[str, float]] = {}
        self._polled_at = -math.inf
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def next(self, campaign: str, interval: float) -> CampaignProgress | None:
        """Return the progress of a campaign at the next poll; ``None`` if the store does not have it.

        :param interval: seconds between two polls.
        :raises RcsError: if the poll failed.
        """
        answer: Future[CampaignProgress | None] = asyncio.get_running_loop().create_future()
        self._waiting[answer] = (campaign, interval)
        self._changed.set()
        try:
            return await answer
        finally:
            self._waiting.pop(answer, None)

    def join(self) -> None:
        """Register a sensor; the first one starts the polling."""
        self._members += 1
        if self._task is None:
            self._task = asyncio.create_task(self._poll_while_wanted())

    def leave(self) -> bool:
        """Unregister a sensor, and return whether it was the last one, which ends the polling."""
        self._members -= 1
        self._changed.set()
        return not self._members

    async def _poll_while_wanted(self) -> None:
        was_open = False
        while await self._is_due():
            try:
                engine = await self._open(was_open=was_open)
                was_open = True
                await self._poll(engine)
                while await self._is_due():
                    await self._poll(engine)
            # Every waiting sensor must get the error, whatever it is. The next poll reads the connection again, which
            # may have been fixed.
            except Exception as error:  # noqa: BLE001
                self._polled_at = asyncio.get_running_loop().time()
                for answer in self._waiting:
                    if not answer.done():
                        answer.set_exception(error)
                self._waiting.clear()

    async def _open(self, *, was_open: bool) -> sa.Engine:
        try:
            return await open_store(self._store_conn_id)
        except AirflowNotFoundException as error:
            if not was_open:
                raise
            # Airflow's database, or a secrets backend, is away; often together with the store.
            raise RcsStoreUnavailable(f"store_conn_id: {error}. {RcsStoreUnavailable.remedy}") from None

    async def _is_due(self) -> bool:
        """Wait until the next poll is due and return True, or return False once no sensor is left."""
        while self._members:
            seconds = math.inf
            if self._waiting:
                soonest = self._polled_at + min(interval for _, interval in self._waiting.values())
                seconds = soonest - asyncio.get_running_loop().time()
            if seconds <= 0:
                return True
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds if self._waiting else None)
        return False

    async def _poll(self, engine: sa.Engine) -> None:
        waiting = dict(self._waiting)
        progress = await asyncio.to_thread(_read, engine, {campaign for campaign, _ in waiting.values()})
        self._polled_at = asyncio.get_running_loop().time()
        for answer, (campaign, _) in waiting.items():
            if self._waiting.pop(answer, None) and not answer.done():
                answer.set_result(progress.get(campaign))


_polls: WeakKeyDictionary[AbstractEventLoop, dict[str, SharedPoll]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_poll(store_conn_id: str) -> AsyncIterator[SharedPoll]:
    """Share the polling of a store with the other sensors of this event loop."""
    polls = _polls.setdefault(asyncio.get_running_loop(), {})
    if store_conn_id not in polls:
        polls[store_conn_id] = SharedPoll(store_conn_id)
    poll = polls[store_conn_id]
    poll.join()
    try:
        yield poll
    finally:
        if poll.leave():
            del polls[store_conn_id]


def _read(engine: sa.Engine, campaigns: set[str]) -> Mapping[str, CampaignProgress]:
    from airflow_provider_rcs.store.inbox.silence import read_silent_campaigns
    from airflow_provider_rcs.store.read.funnel import read_funnels

    funnels = read_funnels(engine, campaigns)
    silent = [name for name, funnel in funnels.items() if funnel.is_silent]
    silences = read_silent_campaigns(engine, silent) if silent else {}
    return {name: CampaignProgress(funnel, silences.get(name)) for name, funnel in funnels.items()}
