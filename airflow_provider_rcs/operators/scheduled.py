"""The operator that sends scheduled campaigns shortly before their date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import (
    RcsCancelledError,
    RcsDispatchError,
    RcsError,
    RcsInputError,
    RcsTaskStoppedError,
)
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions, describe_error
from airflow_provider_rcs.hooks.sql import stream_only_column
from airflow_provider_rcs.hooks.store import lease_from_config, store_engine
from airflow_provider_rcs.operators.assets import SENT_CAMPAIGNS, emit_campaign_event
from airflow_provider_rcs.operators.naming import started_by_task
from airflow_provider_rcs.operators.rendering import RendersToText
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD
from airflow_provider_rcs.sending.stopping import Stop

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_rcs.hooks.rcs import RcsHook
    from airflow_provider_rcs.sending.scheduled import DispatchConnections


class RcsDispatchScheduledOperator(RendersToText, BaseOperator):
    """Send the campaigns that were scheduled with ``scheduled_by="store"`` and are due soon.

    Each is sent to the recipients of its last list. Its template is looked up again: it must still exist, and each of
    its variables must have a value. ``exclude_sql`` is run again, and recipients who were suppressed in the meantime
    are left out. The service is given the campaign's date. A campaign that cannot be sent does not prevent the others
    from being sent: the task fails at its end and names it. Returns the result of each campaign that was sent, like a
    sending operator. Run it every few minutes.

    :param lead: how long before its date a campaign is given to the service. It must cover the time between two runs
        and the time that sending takes.
    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``. (templated)
    """

    template_fields: Sequence[str] = ("store_conn_id",)
    ui_color = "#d7eaf7"

    def __init__(self, *, lead: timedelta = DEFAULT_LEAD, store_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stop = Stop()
        self.outlets = [*self.outlets, SENT_CAMPAIGNS]
        self.lead = lead
        self.store_conn_id = store_conn_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Send the campaigns that are due, one after the other."""
        with airflow_exceptions(), self._stop.watching():
            return self._dispatch_all(context)

    def on_kill(self) -> None:
        """Stop sending: Airflow calls this when the task is marked, cleared, timed out or shut down."""
        self._stop.request()

    def _dispatch_all(self, context: Context) -> list[dict[str, Any]]:
        from airflow_provider_rcs.hooks.rcs import RcsHook
        from airflow_provider_rcs.sending.scheduled import connections_of, dispatch_campaign
        from airflow_provider_rcs.store.campaign.schedules import due_campaigns

        if not isinstance(self.lead, timedelta) or self.lead <= timedelta(0):
            raise RcsInputError(
                "lead", f"{self.lead!r} is not a positive timedelta", "Use, for example, timedelta(minutes=30)."
            )
        engine = store_engine(self.store_conn_id)
        due = due_campaigns(engine, datetime.now(UTC) + self.lead)
        campaigns = counted(len(due), "scheduled campaign is", "scheduled campaigns are")
        self.log.info("%s due within %s.", campaigns, self.lead)
        sent: list[dict[str, Any]] = []
        failures: dict[str, Exception] = {}
        # Shared by the campaigns, so that refused credentials are shown to the service once.
        hooks: dict[str, RcsHook] = {}
        for number, scheduled in enumerate(due, start=1):
            name = scheduled.campaign.name
            self.log.info("Dispatching campaign %s (%d of %d).", name, number, len(due))
            try:
                connections = connections_of(scheduled)
                hook = hooks.setdefault(connections.rcs_conn_id, RcsHook(connections.rcs_conn_id))
                sent.append(
                    dispatch_campaign(
                        engine,
                        hook,
                        scheduled,
                        started_by=started_by_task(self, context),
                        lease=lease_from_config(),
                        stop=self._stop,
                        excluded=_excluded(connections),
                    )
                )
            except RcsCancelledError as error:
                self.log.warning("Campaign %s was cancelled in the meantime: %s", name, error)
            except RcsTaskStoppedError:
                raise  # The others are not begun.
            except Exception as error:  # noqa: BLE001 - an error of one campaign must not stop the others
                failures[name] = error
                self.log.error("Campaign %s: %s", name, describe_error(error))  # noqa: TRY400 - a traceback may quote values
            else:
                emit_campaign_event(context, sent[-1])
        if failures:
            raise _dispatch_error(failures, len(due))
        return sent


def _excluded(connections: DispatchConnections) -> Iterable[Sequence[object]]:
    if connections.exclude_sql and connections.exclude_conn_id:
        return stream_only_column("exclude_sql", connections.exclude_conn_id, connections.exclude_sql)
    return ()


def _dispatch_error(failures: dict[str, Exception], due: int) -> RcsDispatchError:
    reasons = "\n".join(f"campaign {name!r}: {describe_error(error)}" for name, error in failures.items())
    return RcsDispatchError(
        f"{len(failures)} of {due} campaigns that are due were not sent, or only in part.\n{reasons}",
        # Errors that are not the provider's own, such as those of a database driver, may not occur again.
        retry_may_help=any(not isinstance(error, RcsError) or error.retry_may_help for error in failures.values()),
    )
