"""Triggers that poll the store for the progress of a campaign or for new reports; nothing is sent from here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, Stats
from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

from airflow_provider_rcs.api.errors import (
    RcsError,
    RcsNoReportsError,
    RcsStoreUnavailable,
    RcsTooManyFailuresError,
)
from airflow_provider_rcs.hooks.store import default_store_conn_id
from airflow_provider_rcs.triggers.shared_poll import shared_poll
from airflow_provider_rcs.triggers.store import open_store
from airflow_provider_rcs.triggers.waiting import Target, has_begun

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.inbox.cursors import NewReports


class RcsCampaignTrigger(BaseTrigger):
    """Wait until enough of a campaign's messages are delivered, or have a final status; warns as the sensor does.

    All triggers of one store in a triggerer share one poll, at the shortest of their intervals. They keep waiting while
    the store is unavailable.

    :param campaign: the campaign's name.
    :param until: ``"final"`` or ``"delivered"``.
    :param at_least: the share of the messages to wait for.
    :param store_conn_id: the connection of the store; by default ``[rcs] store_conn_id``.
    :param poll_interval: seconds between two polls of the store.
    :param end_time: when to give up.
    :param no_reports_within: fail if no report at all has arrived within this time after messages were accepted.
    :param max_failure_rate: the largest share of the messages that may fail; ``None`` for any.
    :param begins_by: until when the campaign may not have begun; ``None`` for ``end_time``.
    """

    def __init__(
        self,
        *,
        campaign: str,
        until: str,
        at_least: float,
        store_conn_id: str | None,
        poll_interval: float,
        end_time: datetime,
        no_reports_within: timedelta | None = None,
        max_failure_rate: float | None = None,
        begins_by: datetime | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.campaign = campaign
        self.until = until
        self.at_least = at_least
        self.store_conn_id = store_conn_id
        self.poll_interval = poll_interval
        self.end_time = end_time
        self.no_reports_within = no_reports_within
        self.max_failure_rate = max_failure_rate
        self.begins_by = begins_by

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger's class path and arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "campaign": self.campaign,
                "until": self.until,
                "at_least": self.at_least,
                "store_conn_id": self.store_conn_id,
                "poll_interval": self.poll_interval,
                "end_time": self.end_time,
                "no_reports_within": self.no_reports_within,
                "max_failure_rate": self.max_failure_rate,
                "begins_by": self.begins_by,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until enough messages have the status or the time is up, and yield one event."""
        payload: dict[str, Any]
        try:
            async with asyncio.timeout((self.end_time - datetime.now(UTC)).total_seconds()):
                has_begun = await self._wait()
            payload = {"status": "success" if has_begun else "not_begun"}
        except TimeoutError:
            payload = {"status": "timeout", "message": self._timeout_message()}
        except RcsNoReportsError as error:
            payload = {"status": "no_reports", "message": str(error)}
        except RcsTooManyFailuresError as error:
            payload = {"status": "too_many_failures", "message": str(error)}
        except RcsError as error:
            payload = {
                "status": "error",
                "message": f"{type(error).__name__}: {error}",
                "retry_may_help": error.retry_may_help,
            }
        yield TriggerEvent(payload)

    async def _wait(self) -> bool:
        """Return once enough messages have the status; warn once a day while reports are missing.

        :return: whether the campaign has begun; ``False`` if the time for that is up.
        """
        from airflow_provider_rcs.store.inbox.silence import (
            SILENT_METRIC,
            is_warning_due,
            require_reports,
            silence_warning,
        )

        target = Target(self.campaign, self.until, self.at_least, self.max_failure_rate)
        last_check: datetime | None = None
        # The sensor looked just before it deferred. A trigger that fires at once may overtake the scheduler, which then
        # takes the end of the process that deferred for that of the task, and fails it (apache/airflow#72716).
        await asyncio.sleep(self.poll_interval)
        async with shared_poll(self.store_conn_id or default_store_conn_id()) as poll:
            while True:
                try:
                    progress = await poll.next(self.campaign, self.poll_interval)
                except RcsStoreUnavailable as error:
                    self.log.warning(
                        "Campaign %s: the store is unavailable; polling again later. %s", self.campaign, error
                    )
                    continue
                now = datetime.now(UTC)
                if progress is None or not has_begun(progress.funnel):
                    if self.begins_by is not None and now > self.begins_by:
                        return False
                    continue
                if target.is_reached(progress.funnel):
                    return True
                silent_since = progress.silent_since
                if silent_since is not None and is_warning_due(silent_since, now, last_check):
                    self.log.warning("No delivery reports: %s", silence_warning(self.campaign, silent_since))
                    Stats.incr(SILENT_METRIC, tags={"campaign": self.campaign})
                last_check = now
                if self.no_reports_within is not None:
                    require_reports(self.campaign, silent_since, self.no_reports_within, now)

    def _timeout_message(self) -> str:
        return f"Campaign {self.campaign!r}: timed out before {self.at_least:.0%} of its messages were {self.until}."


class RcsReportsTrigger(BaseEventTrigger):
    """Fire an event for each batch of newly folded delivery reports; for an ``AssetWatcher``.

    The first event covers all reports in the store. The cursor is stored beside the reports, so that a restarted
    triggerer does not fire for them again, and a store restored from a backup misses none. The payload is
    ``{"reports": 12, "campaigns": {"spring": 12}, "cursor": 7}``.

    :param store_conn_id: the connection of the store; by default ``[rcs] store_conn_id``.
    :param poll_interval: seconds between two polls of the store.
    :param watcher: the name of the trigger's cursor; triggers that watch the same store for different assets need
        different names.
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
        """Poll the store for ever, even after errors: a trigger that ends is never started again."""
        from airflow_provider_rcs.store.inbox.cursors import save_cursor

        # The cursor of the last event until it is saved. From then on the stored one counts: a backup may reset it.
        unsaved = 0
        while True:
            try:
                engine = await open_store(self.store_conn_id)
                while True:
                    if unsaved:
                        await asyncio.to_thread(save_cursor, engine, self.watcher, unsaved)
                        unsaved = 0
                    new_reports = await asyncio.to_thread(self._read_new, engine)
                    if new_reports is not None:
                        unsaved = new_reports.cursor
                        try:
                            yield TriggerEvent(new_reports.as_dict())
                        # Saved after the event: a process that is killed in between fires twice rather than never.
                        # In `finally`, because the trigger may be stopped here, after its event was received.
                        finally:
                            await asyncio.to_thread(save_cursor, engine, self.watcher, unsaved)
                        unsaved = 0
                    await asyncio.sleep(self.poll_interval)
            # Airflow's own as well: while its database or a secrets backend is away, the connection is not found.
            except (RcsError, AirflowException) as error:
                self.log.warning("The store is unavailable; polling for new reports again later. %s", error)
                await asyncio.sleep(self.poll_interval)

    def _read_new(self, engine: sa.Engine) -> NewReports | None:
        from airflow_provider_rcs.store.inbox.cursors import read_cursor, read_new_reports

        return read_new_reports(engine, read_cursor(engine, self.watcher))
