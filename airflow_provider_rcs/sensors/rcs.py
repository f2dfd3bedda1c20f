"""A sensor that waits for the delivery of a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

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
    the sensor logs one warning and increments the metric ``rcs.campaign.silent``.

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
        self._warned_of_silence = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait, on the worker or in the triggerer, and return the campaign's counts."""
        self._require_arguments()
        if self.deferrable and not self.poke(context):
            self._defer(datetime.now(UTC) + timedelta(seconds=float(self.timeout)))
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
            case "timeout" | "silent" if self.poke(context):
                return self._counts()
            case "timeout":
                raise AirflowSensorTimeout(event["message"])
            case "silent":
                return self._defer(datetime.fromisoformat(event["end_time"]))
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
        """Warn once per try if reports are overdue, and fail if ``no_reports_within`` has passed."""
        from airflow.providers.common.compat.sdk import Stats

        from airflow_provider_rcs.store.inbox.silence import (
            SILENT_AFTER,
            SILENT_METRIC,
            is_overdue,
            read_silent_campaigns,
            record_silence_warning,
            require_reports,
            silence_warning,
        )

        now = datetime.now(UTC)
        since = read_silent_campaigns(engine, [self.campaign]).get(self.campaign)
        if since is not None and is_overdue(since, SILENT_AFTER, now):
            self._warned_of_silence = True
            # Recorded in the store, because each poke of mode="reschedule" runs in a process of its own.
            if record_silence_warning(engine, self.campaign, _try_of(context)):
                self.log.warning("No delivery reports: %s", silence_warning(self.campaign, since))
                Stats.incr(SILENT_METRIC, tags={"campaign": self.campaign})
        if self.no_reports_within is not None:
            require_reports(self.campaign, since, self.no_reports_within, now)

    def _defer(self, end_time: datetime) -> NoReturn:
        from airflow_provider_rcs.store.inbox.silence import SILENT_AFTER

        self.defer(
            trigger=RcsCampaignTrigger(
                campaign=self.campaign,
                until=self.until,
                at_least=self.at_least,
                store_conn_id=self.store_conn_id,
                poll_interval=float(self.poke_interval),
                end_time=end_time,
                no_reports_within=self.no_reports_within,
                max_failure_rate=self.max_failure_rate,
                warn_of_silence_after=None if self._warned_of_silence else SILENT_AFTER,
            ),
            method_name="execute_complete",
        )
        raise AssertionError("deferring ends the task's execution")

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


def _try_of(context: Context) -> str:
    ti: Any = context["ti"]
    return f"{ti.dag_id}/{ti.task_id}/{ti.run_id}, instance {getattr(ti, 'map_index', -1)}, try {ti.try_number}"
