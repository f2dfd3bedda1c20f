"""Triggers that watch the store; they only read it, and keep how far they have come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf
from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

from airflow_provider_rcs.api.errors import (
    RcsError,
    RcsNoReportsError,
    RcsStoreUnavailable,
    RcsTooManyFailuresError,
)
from airflow_provider_rcs.hooks.default_connections import DEFAULT_STORE_CONN_ID
from airflow_provider_rcs.triggers.pooled_engine import pooled_engine
from airflow_provider_rcs.triggers.shared_look import shared_look

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.arrivals import Arrivals


class RcsCampaignTrigger(BaseTrigger):
    """Wait until a share of a campaign's messages is delivered, or has a final status.

    All triggers of a store in one triggerer share their looks at it, which are made as often as the shortest of their
    intervals asks. While the store is away they go on waiting.

    :param campaign: the campaign's name.
    :param until: ``"final"`` or ``"delivered"``.
    :param share: which share of the messages must be there.
    :param store_conn_id: the connection of the store; by default ``[rcs] store_conn_id``.
    :param poll_interval: seconds between two looks at the store.
    :param end_time: when to give up.
    :param no_reports_within: how long after they were accepted messages may be without any report; ``None`` for ever.
    :param most_failed: the largest share of the messages that may have failed; ``None`` for any.
    :param warn_of_silence_after: how long after they were accepted the task is woken to warn that no report has come;
        ``None`` if it has warned, or shall not.
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
        no_reports_within: timedelta | None = None,
        most_failed: float | None = None,
        warn_of_silence_after: timedelta | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.campaign = campaign
        self.until = until
        self.share = share
        self.store_conn_id = store_conn_id
        self.poll_interval = poll_interval
        self.end_time = end_time
        self.no_reports_within = no_reports_within
        self.most_failed = most_failed
        self.warn_of_silence_after = warn_of_silence_after

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
                "no_reports_within": self.no_reports_within,
                "most_failed": self.most_failed,
                "warn_of_silence_after": self.warn_of_silence_after,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until the share is there or the time is over."""
        try:
            async with asyncio.timeout((self.end_time - datetime.now(UTC)).total_seconds()):
                is_there = await self._wait()
            payload = {"status": "success"} if is_there else {"status": "silent", "end_time": self.end_time.isoformat()}
        except TimeoutError:
            payload = {"status": "timeout", "message": self._too_late()}
        except RcsNoReportsError as error:
            payload = {"status": "no_reports", "message": str(error)}
        except RcsTooManyFailuresError as error:
            payload = {"status": "too_many_failures", "message": str(error)}
        except RcsError as error:
            payload = {"status": "error", "message": f"{type(error).__name__}: {error}"}
        yield TriggerEvent(payload)

    async def _wait(self) -> bool:
        """Return True when the share is there, or False when the task has to warn that no report comes."""
        from airflow_provider_rcs.store.failure_limit import require_few_failures
        from airflow_provider_rcs.store.reporting import is_overdue, require_reports

        async with shared_look(_conn_id(self.store_conn_id)) as look:
            while True:
                try:
                    standing = await look.next(self.campaign, self.poll_interval)
                except RcsStoreUnavailable as error:
                    self.log.warning("Campaign %s: looking again in a while, because %s", self.campaign, error)
                    continue
                if standing is None:
                    continue
                if self.most_failed is not None:
                    require_few_failures(self.campaign, standing.funnel, self.most_failed)
                if standing.funnel.reached(self.until) >= standing.funnel.wanted(self.share):
                    return True
                now = datetime.now(UTC)
                if self.no_reports_within is not None:
                    require_reports(self.campaign, standing.silent_since, self.no_reports_within, now)
                if self.warn_of_silence_after is not None and is_overdue(
                    standing.silent_since, self.warn_of_silence_after, now
                ):
                    return False

    def _too_late(self) -> str:
        return f"Campaign {self.campaign!r}: not {self.share:.0%} of its messages were {self.until} in time."


class RcsReportsTrigger(BaseEventTrigger):
    """Fire when new delivery reports are in, once for each batch of them; for an ``AssetWatcher``.

    The first event tells of all reports that are in the store. How far it has come is kept in the store, beside the
    reports: a restart of the triggerer does not fire for them again, nor does a store that comes back from a backup
    leave some out. The payload is ``{"reports": 12, "campaigns": {"spring": 12}, "cursor": 7}``.

    :param store_conn_id: the connection of the store; by default ``[rcs] store_conn_id``.
    :param poll_interval: seconds between two looks at the store.
    :param watcher: the name that its cursor is kept under; triggers that watch the same store for different assets
        need different names.
    """

    def __init__(
        self, *, store_conn_id: str | None = None, poll_interval: float = 60.0, watcher: str = "reports"
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.store_conn_id = store_conn_id
        self.poll_interval = poll_interval
        self.watcher = watcher

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger's class path and arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"store_conn_id": self.store_conn_id, "poll_interval": self.poll_interval, "watcher": self.watcher},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the store for ever, through its failures too: of a trigger that ends nobody hears again."""
        from airflow_provider_rcs.store.arrivals import save_cursor

        # What it has told of, until the store has kept it; then the store's word counts, which a backup may set back.
        told = 0
        while True:
            try:
                async with pooled_engine(_conn_id(self.store_conn_id)) as engine:
                    while True:
                        if told:
                            await asyncio.to_thread(save_cursor, engine, self.watcher, told)
                            told = 0
                        arrivals = await asyncio.to_thread(self._look, engine)
                        if arrivals is not None:
                            told = arrivals.cursor
                            try:
                                yield TriggerEvent(arrivals.as_dict())
                            # Not before it: a process that is killed now must rather fire again than never. And also
                            # if the trigger is stopped right here, where the event has been taken.
                            finally:
                                await asyncio.to_thread(save_cursor, engine, self.watcher, told)
                            told = 0
                        await asyncio.sleep(self.poll_interval)
            except RcsError as error:
                self.log.warning("New reports are looked for again in a while, because %s", error)
                await asyncio.sleep(self.poll_interval)

    def _look(self, engine: sa.Engine) -> Arrivals | None:
        from airflow_provider_rcs.store.arrivals import read_arrivals, read_cursor

        return read_arrivals(engine, read_cursor(engine, self.watcher))


def _conn_id(store_conn_id: str | None) -> str:
    return store_conn_id or str(conf.get("rcs", "store_conn_id", fallback=DEFAULT_STORE_CONN_ID))
