"""Triggers that watch the store; they only read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.hooks.store import DEFAULT_STORE_CONN_ID, engine_of

if TYPE_CHECKING:
    import sqlalchemy as sa


class RcsCampaignTrigger(BaseTrigger):
    """Wait until a share of a campaign's messages is delivered, or has a final status.

    :param campaign: the campaign's name.
    :param until: ``"final"`` or ``"delivered"``.
    :param share: which share of the messages must be there.
    :param store_conn_id: the connection of the store; by default ``[rcs] store_conn_id``.
    :param poll_interval: seconds between two looks at the store.
    :param end_time: when to give up.
    """

    def __init__(
        self,
        *,
        campaign: str,
        until: str,
        share: float,
        store_conn_id: str | None,
        poll_interval: float,
        end_time: datetime,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.campaign = campaign
        self.until = until
        self.share = share
        self.store_conn_id = store_conn_id
        self.poll_interval = poll_interval
        self.end_time = end_time

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger's class path and arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "campaign": self.campaign,
                "until": self.until,
                "share": self.share,
                "store_conn_id": self.store_conn_id,
                "poll_interval": self.poll_interval,
                "end_time": self.end_time,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the store until the share is there or the time is over."""
        try:
            engine = await self._engine()
            while not await asyncio.to_thread(self._is_reached, engine):
                if datetime.now(UTC) >= self.end_time:
                    yield TriggerEvent({"status": "timeout", "message": self._too_late()})
                    return
                await asyncio.sleep(self.poll_interval)
            yield TriggerEvent({"status": "success"})
        except RcsError as error:
            yield TriggerEvent({"status": "error", "message": f"{type(error).__name__}: {error}"})

    async def _engine(self) -> sa.Engine:
        conn_id = self.store_conn_id or conf.get("rcs", "store_conn_id", fallback=DEFAULT_STORE_CONN_ID)
        connection = await get_async_connection(conn_id)
        return await asyncio.to_thread(engine_of, connection)

    def _is_reached(self, engine: sa.Engine) -> bool:
        from airflow_provider_rcs.store.funnel import read_funnel

        funnel = read_funnel(engine, self.campaign)
        return funnel is not None and funnel.reached(self.until) >= funnel.wanted(self.share)

    def _too_late(self) -> str:
        return f"Campaign {self.campaign!r}: not {self.share:.0%} of its messages were {self.until} in time."
