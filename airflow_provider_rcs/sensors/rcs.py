"""A sensor that waits for the delivery of a campaign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    conf,
)

from airflow_provider_rcs.api.errors import RcsError, RcsInputError, RcsNoReportsError, RcsTooManyFailuresError
from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.hooks.store import store_engine
from airflow_provider_rcs.operators.links import RcsCampaignLink, show_link
from airflow_provider_rcs.operators.rendering import RendersToText
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger
from airflow_provider_rcs.triggers.waiting import Target, has_begun

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_rcs.store.read.funnel import Funnel

FUNNEL_KEY = "funnel"
_DEFAULT_GRACE = timedelta(minutes=10)


class RcsCampaignSensor(RendersToText, BaseSensorOperator):
    """Wait until enough of a campaign's messages are delivered, or have a final status; returns the counts.

    Shares are of the recipients that a message has reached or may still reach: planned and in-doubt messages count;
    rejected and suppressed recipients and duplicates do not. The sensor fails as soon as so many messages have failed
    that the share can no longer be reached. ``timeout`` counts from the first poke, in every mode, and is a week by
    default. ``soft_fail`` and ``never_fail`` do the same in every mode: with either, a failure that a retry cannot help
    and a timeout skip the task. If reports were requested and none has arrived ten minutes after messages were accepted
    (or after the campaign's date), the sensor logs a warning once a day and increments the metric
    ``rcs.campaign.silent``.

    The result has the campaign's counts, and in ``reached`` the ``status`` that was waited for, how many ``messages``
    have it, ``of`` how many, and how many were ``needed``. The XCom ``funnel`` has the campaign's funnel as ``text``,
    ``markdown`` and ``svg``, for a mail or a chat. If the sensor fails or is skipped, it pushes the same.

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
    :param begins_within: fail if the store has no recipient of the campaign within this time after the first poke.
    """

    template_fields: Sequence[str] = ("campaign", "store_conn_id")
    ui_color = "#f6ecd2"
    operator_extra_links = (RcsCampaignLink(),)

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
        begins_within: timedelta = _DEFAULT_GRACE,
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
        self.begins_within = begins_within
        self._first_poke: datetime | None = None
        self._last_check: datetime | None = None
        self._reached: dict[str, Any] = {}
        self._funnel: Funnel | None = None
        self._last_progress = ""

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait, on the worker or in the triggerer, and return the campaign's counts."""
        with airflow_exceptions():
            self._require_arguments()
        show_link(self, context)
        with self._pushing_what_was_reached(context):
            super().execute(context)
        return self._reached

    @property
    def linked_campaign(self) -> str:
        """The campaign that the task's link leads to."""
        return text_of("campaign", self.campaign)

    def poke(self, context: Context) -> bool:
        """Fold new reports, and return whether enough messages have the status; a deferrable sensor defers if not."""
        is_reached = self._look(context)
        if self.deferrable and not is_reached:
            self._defer(context)
        return is_reached

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Resume after the trigger fired; after a timeout, look once more for the latest reports."""
        with self._pushing_what_was_reached(context):
            self._conclude(context, event)
        return self._reached

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume in the worker; a failure that a retry can help is not skipped with ``soft_fail``, as when poking."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSkipException as skipped:
            if self.soft_fail and type(skipped.__cause__) is AirflowException:
                raise skipped.__cause__ from None
            raise

    def _look(self, context: Context) -> bool:
        from airflow_provider_rcs.store.inbox.folding import fold

        with airflow_exceptions():
            engine = store_engine(self.store_conn_id)
            fold(engine)
            funnel = self._read(engine)
            if not has_begun(funnel):
                return self._wait_for_its_begin(context)
            is_reached = self._target.is_reached(funnel)
            self._log_progress(funnel, is_reached=is_reached)
            if funnel.is_silent:
                self._check_silence(engine, context)
        return is_reached

    def _defer(self, context: Context) -> NoReturn:
        target = self._target
        self.defer(
            trigger=RcsCampaignTrigger(
                campaign=target.campaign,
                until=target.until,
                at_least=target.at_least,
                store_conn_id=self.store_conn_id,
                poll_interval=float(self.poke_interval),
                end_time=datetime.now(UTC) + timedelta(seconds=float(self.timeout)),
                no_reports_within=self.no_reports_within,
                max_failure_rate=target.max_failure_rate,
                begins_by=self._time_of_first_poke(context) + self.begins_within,
            ),
            method_name="execute_complete",
        )

    def _conclude(self, context: Context, event: dict[str, Any]) -> None:
        """Look at what was reached, and raise an exception unless it is enough."""
        status, message = event["status"], event.get("message", "")
        if status == "success":
            with airflow_exceptions():
                self._require_begun(self._read(store_engine(self.store_conn_id)))
            return
        if status == "timeout":
            if not self._look(context):
                raise AirflowSensorTimeout(message)
            return
        with suppress(RcsError):  # for the log and the XCom alone
            self._read(store_engine(self.store_conn_id))
        with airflow_exceptions():
            match status:
                case "no_reports":
                    raise RcsNoReportsError(message)
                case "too_many_failures":
                    raise RcsTooManyFailuresError(message)
                case "not_begun":
                    self._require_begun(None)
        raise (AirflowException if event.get("retry_may_help", True) else AirflowFailException)(message)

    @property
    def _target(self) -> Target:
        return Target(text_of("campaign", self.campaign), self.until, self.at_least, self.max_failure_rate)

    def _read(self, engine: sa.Engine) -> Funnel | None:
        """Return the campaign's funnel, and note what it has reached."""
        from airflow_provider_rcs.store.read.funnel import read_funnel

        target = self._target
        funnel = read_funnel(engine, target.campaign)
        if funnel is not None:
            self._funnel = funnel
            self._reached = {
                "campaign": target.campaign,
                **funnel.as_dict(),
                "reached": target.progress(funnel),
            }
        return funnel

    def _wait_for_its_begin(self, context: Context) -> bool:
        begins_by = self._time_of_first_poke(context) + self.begins_within
        if datetime.now(UTC) >= begins_by:
            self._require_begun(None)
        self.log.info("The store has no recipient of campaign %s yet; waiting for it to begin.", self._target.campaign)
        return False

    def _require_begun(self, funnel: Funnel | None) -> None:
        if not has_begun(funnel):
            raise RcsInputError(
                "campaign",
                f"the store has no recipient of a campaign {self._target.campaign!r} ({self.begins_within} after the "
                "first poke)",
                "Put the sensor downstream of the task that sends it, check its name, or raise begins_within.",
            )

    def _log_progress(self, funnel: Funnel, *, is_reached: bool) -> None:
        """Log what is reached so far, if it has changed since the last poke; the end has a line of its own."""
        progress = self._target.describe(funnel)
        if not is_reached and progress != self._last_progress:
            self.log.info(progress)
            self._last_progress = progress

    def _log_end(self, *, is_reached: bool) -> None:
        """Log what the wait has reached, with the messages of each status."""
        from airflow_provider_rcs.store.read.funnel import describe_statuses

        funnel = self._funnel
        if has_begun(funnel):
            self.log.info(
                "%s %s By status: %s.",
                self._target.describe(funnel),
                "Reached." if is_reached else "Not reached.",
                describe_statuses(funnel) or "no message was accepted",
            )

    @contextmanager
    def _pushing_what_was_reached(self, context: Context) -> Iterator[None]:
        """Push the funnel, and what was reached if the task fails or is skipped; log what was reached.

        A timeout that must not fail the task skips it.
        """
        try:
            try:
                yield
            except AirflowSensorTimeout as timeout:
                if self.never_fail:
                    raise AirflowSkipException("Skipping due to never_fail is set to True.") from timeout
                raise
        except (AirflowFailException, AirflowSensorTimeout, AirflowSkipException):
            self._push(context, "return_value", self._reached)
            self._push_funnel(context)
            self._log_end(is_reached=False)
            raise
        self._push_funnel(context)
        self._log_end(is_reached=True)

    def _push_funnel(self, context: Context) -> None:
        from airflow_provider_rcs.store.read.funnel_forms import FORMS

        if self._funnel is not None and self.do_xcom_push:
            campaign, funnel = self._target.campaign, self._funnel
            self._push(context, FUNNEL_KEY, {form: show(campaign, funnel) for form, show in FORMS.items()})

    def _push(self, context: Context, key: str, value: Mapping[str, Any]) -> None:
        push = getattr(context.get("ti"), "xcom_push", None)
        if push is not None and value:
            push(key=key, value=value)

    def _time_of_first_poke(self, context: Context) -> datetime:
        if self.reschedule:  # where each poke is a process of its own
            first_poke: datetime | None = context["ti"].get_first_reschedule_date(context)
            return first_poke or datetime.now(UTC)
        self._first_poke = self._first_poke or datetime.now(UTC)
        return self._first_poke

    def _require_arguments(self) -> None:
        if self.until not in ("final", "delivered"):
            raise RcsInputError("until", f"{self.until!r} is not a choice", "Use 'final' or 'delivered'.")
        if not 0 < self.at_least <= 1:
            raise RcsInputError("at_least", f"{self.at_least} is not a share", "Use a number above 0 and up to 1.")
        for argument in ("no_reports_within", "begins_within"):
            value = getattr(self, argument)
            if not isinstance(value, timedelta) and (value is not None or argument == "begins_within"):
                raise RcsInputError(argument, f"{value!r} is not a timedelta", "Use a timedelta.")
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

        campaign, now = self._target.campaign, datetime.now(UTC)
        since = read_silent_campaigns(engine, [campaign]).get(campaign)
        # A deferrable sensor leaves the warnings to its trigger, which logs to the task's log as well.
        if since is not None and not self.deferrable and is_warning_due(since, now, self._time_of_last_check(context)):
            self.log.warning("No delivery reports: %s", silence_warning(campaign, since))
            Stats.incr(SILENT_METRIC, tags={"campaign": campaign})
        self._last_check = now
        if self.no_reports_within is not None:
            require_reports(campaign, since, self.no_reports_within, now)

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
