"""Campaigns that the store holds until shortly before their date: scheduled now, dispatched later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.garbage import existing_objects_frozen
from airflow_provider_rcs.api.models import FrequencyCap, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.recipients.columns import Chunk
from airflow_provider_rcs.sending.attempt import attempt_at, send_planned
from airflow_provider_rcs.sending.campaign import exclude_phones, log_campaign_start, open_campaign_for_list, plan_list
from airflow_provider_rcs.sending.result import conclude, describe_counts, require_funnel, task_result
from airflow_provider_rcs.sending.sender import ServiceConnection
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD, SendSettings, read_quiet_hours
from airflow_provider_rcs.store.campaign.schedules import ScheduledCampaign, begin_schedule, finish_schedule, count_missing_variables, close_schedule, assign_scheduled_list
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import has_planned

log = logging.getLogger(__name__)


_STORED_AS_THEY_ARE = ("default_region", "request_reports", "batch_size", "max_in_flight", "on_in_doubt")


@dataclass(frozen=True, slots=True)
class DispatchConnections:
    """What a dispatch asks besides the store.

    :param rcs_conn_id: the connection to the RCS API.
    :param exclude_sql: a query of phones that must not be messaged; it is asked again by the dispatch.
    :param exclude_conn_id: its connection.
    """

    rcs_conn_id: str
    exclude_sql: str | None = None
    exclude_conn_id: str | None = None


@existing_objects_frozen()
def schedule_campaign(
    engine: sa.Engine,
    api: ApiSettings,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    connections: DispatchConnections,
    *,
    started_by: str,
    lease: timedelta,
    excluded: Iterable[Sequence[object]] = (),
    fingerprint: str = "",
) -> dict[str, Any]:
    """List a campaign's recipients as planned, and keep how to send it; what was planned before is replaced.

    :param engine: the store.
    :param api: how the connection says to speak to the service.
    :param template: the template as the service has it.
    :param chunks: the recipients, as columns of some rows at a time.
    :param connections: what the dispatch will ask.
    :param started_by: who lists, for people.
    :param lease: how long this attempt counts as alive without a sign of life.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :param fingerprint: of the connection's credentials, which the hash of an approved plan was made with.
    :return: the campaign's name and counts; no recipients.
    :raises RcsError: what makes that the list cannot be kept.
    """
    if settings.send_at is None:
        raise ValueError("send_at")
    campaign, tally, listed = open_campaign_for_list(engine, api, fingerprint, template, settings, chunks)
    with attempt_at(engine, campaign, started_by, lease) as attempt:
        begin_schedule(engine, attempt, settings.send_at, _kept(settings, connections))
        before = require_funnel(engine, campaign.name)
        exclude_phones(engine, campaign, settings, excluded)
        plan_list(engine, attempt, settings, tally, listed)
        finish_schedule(engine, attempt)
        log_campaign_start(before, tally, settings)
    funnel = require_funnel(engine, campaign.name)
    log.info(
        "Campaign %s is kept in the store: %s. RcsDispatchScheduledOperator sends it shortly before %s UTC.",
        campaign.name,
        describe_counts(funnel),
        f"{settings.send_at:%Y-%m-%d %H:%M}",
    )
    if settings.send_at < datetime.now(UTC) + DEFAULT_LEAD:
        log.warning("Campaign %s is due soon: the next run of the dispatch sends it.", campaign.name)
    return task_result(engine, campaign, funnel)


def settings_of(scheduled: ScheduledCampaign) -> SendSettings:
    """Return the settings that a scheduled campaign is sent with."""
    kept = scheduled.settings
    cap = kept["frequency_cap"]
    return SendSettings(
        template_id=scheduled.campaign.terms.template_id,
        campaign=scheduled.campaign.name,
        agent=scheduled.campaign.terms.agent,
        send_at=scheduled.campaign.terms.send_at,
        quiet_hours=read_quiet_hours(kept["quiet_hours"]),
        frequency_cap=cap and FrequencyCap(cap["at_most"], timedelta(seconds=cap["within_seconds"])),
        **{name: kept[name] for name in _STORED_AS_THEY_ARE},
    )


def connections_of(scheduled: ScheduledCampaign) -> DispatchConnections:
    """Return what is asked before a scheduled campaign is sent."""
    return DispatchConnections(**scheduled.settings["connections"])


def _kept(settings: SendSettings, connections: DispatchConnections) -> Mapping[str, Any]:
    return {
        **{name: getattr(settings, name) for name in _STORED_AS_THEY_ARE},
        "quiet_hours": [
            {"start": f"{each.start:%H:%M}", "end": f"{each.end:%H:%M}", "action": each.action}
            for each in settings.quiet_hours
        ],
        "frequency_cap": settings.frequency_cap
        and {
            "at_most": settings.frequency_cap.at_most,
            "within_seconds": settings.frequency_cap.within.total_seconds(),
        },
        "connections": {
            "rcs_conn_id": connections.rcs_conn_id,
            "exclude_sql": connections.exclude_sql,
            "exclude_conn_id": connections.exclude_conn_id,
        },
    }


_HOW_TO_GO_ON = (
    "Cancel the campaign (airflow-rcs cancel), or send it at once: run its task again without send_at and scheduled_by."
)


@existing_objects_frozen()
def dispatch_campaign(
    engine: sa.Engine,
    service: ServiceConnection,
    look_up: Callable[[], Template],
    scheduled: ScheduledCampaign,
    *,
    started_by: str,
    lease: timedelta,
    excluded: Iterable[Sequence[object]] = (),
) -> dict[str, Any]:
    """Send a scheduled campaign as far as it can be sent, nobody twice, whatever earlier attempts have done of it.

    :param engine: the store.
    :param look_up: returns the template as the service has it now; is called if someone is to be sent to.
    :param scheduled: the campaign, and how it is to be sent.
    :param started_by: who sends, for people.
    :param lease: how long this attempt counts as alive without a sign of life.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :return: the campaign's name and counts, and the ids that the service gave; no recipients.
    :raises RcsPlanIncompleteError: if its list is not whole.
    :raises RcsInputError: if its date has passed, or its template has come to need what was not listed.
    :raises RcsRefusedError: one of its kinds, if the template cannot be looked up.
    :raises RcsCancelledError: if it was cancelled meanwhile.
    :raises RcsInDoubtError: if messages are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: another one that made it stop; what was not sent then is planned still.
    """
    campaign, settings = scheduled.campaign, settings_of(scheduled)
    with attempt_at(engine, campaign, started_by, lease) as attempt:
        exclude_phones(engine, campaign, settings, excluded)
        assign_scheduled_list(engine, attempt, scheduled)
        if has_planned(engine, attempt):
            settings.require_date_to_come(_HOW_TO_GO_ON)
            _require_values(engine, attempt, look_up())
        funnel = require_funnel(engine, campaign.name)
        log.info(
            "Campaign %s is due at %s UTC: %s",
            campaign.name,
            f"{scheduled.due_at:%Y-%m-%d %H:%M}",
            describe_counts(funnel),
        )
        stopped_by = send_planned(engine, attempt, settings, service, funnel.requested)
    sent = conclude(engine, attempt, settings, stopped_by)
    close_schedule(engine, attempt)
    return sent


def _require_values(engine: sa.Engine, attempt: Attempt, template: Template) -> None:
    if missing := count_missing_variables(engine, attempt, template.required_variables):
        values = ", ".join(f"{variable!r} ({count} of those planned have none)" for variable, count in missing.items())
        raise RcsInputError(
            "variables",
            f"template {template.id} needs values that were not listed: {values}; nobody was sent to",
            "Run the task again that listed them, with a column or a constant for it; the next dispatch sends it.",
        )
