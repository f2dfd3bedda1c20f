"""A sensor that waits for the delivery of a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowSensorTimeout, BaseSensorOperator, conf

from airflow_provider_rcs.api.errors import RcsInputError, RcsNoReportsError, RcsTooManyFailuresError
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.hooks.store import store_engine
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_rcs.store.read.funnel import Funnel


class RcsCampaignSensor(BaseSensorOperator):
    """Wait until enough of a campaign's messages are delivered, or have a final status; returns the counts.

    Shares are of the recipients that a message has reached or may still reach: planned and in-doubt messages count;
    rejected and suppressed recipients and duplicates do not. ``timeout`` counts from the first poke, in every mode. If
    reports were requested and none has arrived ten minutes after messages were accepted (or after the campaign's date),
    the sensor logs a warning once a day and increments the metric ``rcs.campaign.silent``.

    :param campaign: the campaign's name. (templated)
    :param until: ``"final"`` (delivered, read, clicked or failed) or ``"delivered"`` (read and clicked count too).
    :param at_least: the share of the messages to wait for, above 0 and up to 1.
    :param store_conn_id: the connection of the store; by default ``[rcs] store_conn_id``. (templated)
    :param deferrable: whether to wait in the triggerer.
    :param no_reports_within: fail if not a single report has arrived within this time after messages were accepted (or
        after the campaign's date); by default the sensor waits for reports until ``timeout``.
    :param max_failure_rate: fail at once if more than this share of the messages has failed, such as ``0.02``: rejected
        by the service, or not delivered. The share is of all the campaign's messages, with or without a report;
        recipients rejected by the checks of the list do not count. By default any number may fail.
    """

    template_fields: Sequence[str] = ("campaign", "store_conn_id")
    ui_color = "#f6ecd2"

    def __init__(
        self,
        *,
        campaign: str,
        until: str = "final",
        at_least: float = 1.0,
        store_conn_id: str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        no_reports_within: timedelta | None = None,
        max_failure_rate: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.campaign = campaign
        self.until = until
        self.at_least = at_least
        self.store_conn_id = store_conn_id
        self.deferrable = deferrable
        self.no_reports_within = no_reports_within
        self.max_failure_rate = max_failure_rate
        self._last_check: datetime | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait, on the worker or in the triggerer, and return the campaign's counts."""
        self._require_arguments()
        if self.deferrable and not self.poke(context):
            self.defer(
                trigger=RcsCampaignTrigger(
                    campaign=self.campaign,
                    until=self.until,
                    at_least=self.at_least,
                    store_conn_id=self.store_conn_id,
                    poll_interval=float(self.poke_interval),
                    end_time=datetime.now(UTC) + timedelta(seconds=float(self.timeout)),
                    no_reports_within=self.no_reports_within,
                    max_failure_rate=self.max_failure_rate,
                ),
                method_name="execute_complete",
            )
        elif not self.deferrable:
            super().execute(context)
        return self._counts()

    def poke(self, context: Context) -> bool:
        """Fold new reports, and return whether enough messages have the status."""
        from airflow_provider_rcs.store.inbox.folding import fold
        from airflow_provider_rcs.store.read.funnel import require_failure_rate

        with airflow_exceptions():
            engine = store_engine(self.store_conn_id)
            fold(engine)
            funnel = self._read_funnel(engine)
            if self.max_failure_rate is not None:
                require_failure_rate(self.campaign, funnel, self.max_failure_rate)
            if funnel.is_silent:
                self._check_silence(engine, context)
        reached, wanted = funnel.reached(self.until), funnel.needed(self.at_least)
        self.log.info("Campaign %s: %d of at least %d messages are %s.", self.campaign, reached, wanted, self.until)
        return reached >= wanted

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Resume after the trigger fired; after a timeout, poke once more for the latest reports."""
        match event["status"]:
            case "success":
                return self._counts()
            case "timeout" if self.poke(context):
                return self._counts()
            case "timeout":
                raise AirflowSensorTimeout(event["message"])
            case "no_reports":
                with airflow_exceptions():
                    raise RcsNoReportsError(event["message"])
            case "too_many_failures":
                with airflow_exceptions():
                    raise RcsTooManyFailuresError(event["message"])
            case _:
                raise AirflowException(event["message"])

    def _require_arguments(self) -> None:
        with airflow_exceptions():
            if self.until not in ("final", "delivered"):
                raise RcsInputError("until", f"{self.until!r} is not a choice", "Use 'final' or 'delivered'.")
            if not 0 < self.at_least <= 1:
                raise RcsInputError("at_least", f"{self.at_least} is not a share", "Use a number above 0 and up to 1.")
            if not isinstance(self.no_reports_within, timedelta | None):
                raise RcsInputError(
                    "no_reports_within", f"{self.no_reports_within!r} is not a timedelta", "Use a timedelta."
                )
            if self.max_failure_rate is not None and not 0 <= self.max_failure_rate < 1:
                raise RcsInputError(
                    "max_failure_rate",
                    f"{self.max_failure_rate} is not a share",
                    "Use a number of at least 0 and below 1.",
                )

    def _check_silence(self, engine: sa.Engine, context: Context) -> None:
        """Warn once a day while reports are overdue, and fail if ``no_reports_within`` has passed."""
        from airflow.providers.common.compat.sdk import Stats

        from airflow_provider_rcs.store.inbox.silence import (
            SILENT_METRIC,
            is_warning_due,
            read_silent_campaigns,
            require_reports,
            silence_warning,
        )

        now = datetime.now(UTC)
        since = read_silent_campaigns(engine, [self.campaign]).get(self.campaign)
        # A deferrable sensor leaves the warnings to its trigger, which logs to the task's log as well.
        if since is not None and not self.deferrable and is_warning_due(since, now, self._time_of_last_check(context)):
            self.log.warning("No delivery reports: %s", silence_warning(self.campaign, since))
            Stats.incr(SILENT_METRIC, tags={"campaign": self.campaign})
        self._last_check = now
        if self.no_reports_within is not None:
            require_reports(self.campaign, since, self.no_reports_within, now)

    def _time_of_last_check(self, context: Context) -> datetime | None:
        """Return when the previous poke was, or ``None`` at the first one."""
        if self._last_check is not None or not self.reschedule:
            return self._last_check
        # Each poke of this mode is a process of its own, and Airflow knows only when the first one was. Twice the
        # interval, because pokes come late: rather two warnings a day than none.
        first_poke = context["ti"].get_first_reschedule_date(context)
        if first_poke is None or self.exponential_backoff:
            return first_poke
        return datetime.now(UTC) - timedelta(seconds=2 * float(self.poke_interval))

    def _read_funnel(self, engine: sa.Engine) -> Funnel:
        from airflow_provider_rcs.store.read.funnel import read_funnel

        funnel = read_funnel(engine, self.campaign)
        if funnel is None:
            raise RcsInputError(
                "campaign",
                f"the store has no campaign {self.campaign!r}",
                "Put the sensor downstream of the task that sends it.",
            )
        return funnel

    def _counts(self) -> dict[str, Any]:
        with airflow_exceptions():
            return {"campaign": self.campaign, **self._read_funnel(store_engine(self.store_conn_id)).as_dict()}
