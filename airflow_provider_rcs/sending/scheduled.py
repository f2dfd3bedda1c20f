"""Scheduled campaigns: planned now, dispatched shortly before their date."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.garbage import infrequent_collections
from airflow_provider_rcs.api.models import FrequencyCap, Template
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.chunks import Chunk
from airflow_provider_rcs.sending.attempt import attempt_at, send_planned
from airflow_provider_rcs.sending.campaign import (
    count_to_send,
    log_campaign_start,
    open_campaign_for_list,
    plan_list,
    read_excluded,
)
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.result import conclude, describe_counts, require_funnel, task_result
from airflow_provider_rcs.sending.sender import RcsService
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD, SendSettings, read_quiet_hours
from airflow_provider_rcs.sending.stopping import Stop
from airflow_provider_rcs.store.campaign.accounts import require_same_account
from airflow_provider_rcs.store.campaign.schedules import (
    ScheduledCampaign,
    assign_scheduled_list,
    begin_schedule,
    close_schedule,
    count_missing_variables,
    finish_schedule,
)
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy
from airflow_provider_rcs.store.outbox.claims import has_planned
from airflow_provider_rcs.store.outbox.exclusions import suppress_excluded
from airflow_provider_rcs.store.outbox.refused_credentials import looking_up

log = logging.getLogger(__name__)

# Of the other settings, some are needed for the list alone, and the rest are stored with the campaign.
_PLAIN_SETTINGS = ("default_region", "phone_format", "request_reports", "batch_size", "max_in_flight", "on_in_doubt")
_REMEDY_FOR_PASSED_DATE = (
    "Cancel the campaign (airflow-rcs cancel), or send it at once: run its task again without send_at and scheduled_by."
)


@dataclass(frozen=True, slots=True)
class DispatchConnections:
    """The connections that a dispatch uses besides the store.

    :param rcs_conn_id: the connection to the RCS API.
    :param exclude_sql: a query of phones that must not be messaged; the dispatch runs it again.
    :param exclude_conn_id: the connection of ``exclude_sql``.
    """

    rcs_conn_id: str
    exclude_sql: str | None = None
    exclude_conn_id: str | None = None


@infrequent_collections()
def schedule_campaign(
    engine: sa.Engine,
    service: RcsService,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    connections: DispatchConnections,
    *,
    started_by: StartedBy,
    lease: timedelta,
    stop: Stop | None = None,
    excluded: Iterable[Sequence[object]] = (),
) -> dict[str, Any]:
    """Plan a campaign's list and store how to send it, in place of what an earlier run has planned.

    :param engine: the store.
    :param template: the template as the service has it.
    :param chunks: the recipients, as columns of some rows at a time.
    :param connections: the connections that the dispatch will use.
    :param started_by: what plans the list.
    :param lease: how long this attempt counts as alive without a renewal.
    :param stop: tells whether the task should stop; by default, only an error that is raised in this thread stops it.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :return: the campaign's name and counts; no recipients.
    :raises RcsTaskStoppedError: if the task was asked to stop before it had planned the whole list.
    :raises RcsError: if the list cannot be planned.
    """
    if settings.send_at is None:
        raise ValueError("send_at")
    stop = stop or Stop()
    with stop.reading(settings.campaign):
        not_to_message = read_excluded(excluded, settings.phone_rules)
    campaign, counts, listed = open_campaign_for_list(engine, service, template, settings, chunks, stop)
    with attempt_at(engine, campaign, started_by, lease, stop) as attempt:
        begin_schedule(engine, attempt, settings.send_at, _settings_to_store(settings, connections))
        before = require_funnel(engine, campaign.name)
        suppress_excluded(engine, campaign, not_to_message)
        plan_list(engine, attempt, settings, counts, listed, not_to_message)
        finish_schedule(engine, attempt)
        log_campaign_start(before, counts, count_to_send(engine, attempt, counts), settings)
    funnel = require_funnel(engine, campaign.name)
    log.info(
        "Campaign %s is scheduled: %s. RcsDispatchScheduledOperator sends it shortly before %s UTC.",
        campaign.name,
        describe_counts(funnel),
        f"{settings.send_at:%Y-%m-%d %H:%M}",
    )
    if settings.send_at < datetime.now(UTC) + DEFAULT_LEAD:
        log.warning("Campaign %s is due soon: the next run of RcsDispatchScheduledOperator sends it.", campaign.name)
    return task_result(engine, campaign, funnel)


@infrequent_collections()
def dispatch_campaign(
    engine: sa.Engine,
    service: RcsService,
    scheduled: ScheduledCampaign,
    *,
    started_by: StartedBy,
    lease: timedelta,
    stop: Stop | None = None,
    excluded: Iterable[Sequence[object]] = (),
) -> dict[str, Any]:
    """Send a scheduled campaign to the recipients of its last list who were not messaged by an earlier attempt.

    :param engine: the store.
    :param scheduled: the campaign, with its stored settings.
    :param started_by: what sends.
    :param lease: how long this attempt counts as alive without a renewal.
    :param stop: tells whether the task should stop; by default, only an error that is raised in this thread stops it.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :return: the campaign's name and counts, and the ids that the service gave; no recipients.
    :raises RcsCampaignConflictError: if the connection is to another account by now.
    :raises RcsPlanIncompleteError: if its list is incomplete.
    :raises RcsInputError: if its date has passed, a phone of ``excluded`` cannot be read, or the template now needs
        values that were not listed.
    :raises RcsRefusedError: one of its kinds, if the template cannot be looked up.
    :raises RcsCancelledError: if it was cancelled in the meantime.
    :raises RcsTaskStoppedError: if the task was asked to stop before it had sent to the whole list.
    :raises RcsInDoubtError: if messages are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: another error that stopped it; messages that were not sent stay planned.
    """
    campaign, settings = scheduled.campaign, settings_of(scheduled)
    require_same_account(campaign, service.account, service.rcs_conn_id)
    stop = stop or Stop()
    with stop.reading(campaign.name):
        not_to_message = read_excluded(excluded, settings.phone_rules)
    with attempt_at(engine, campaign, started_by, lease, stop) as attempt:
        suppress_excluded(engine, campaign, not_to_message)
        assign_scheduled_list(engine, attempt, scheduled)
        if has_planned(engine, attempt):
            settings.require_future_send_at(_REMEDY_FOR_PASSED_DATE)
            with looking_up(engine, campaign.name, service.credentials_fingerprint), stop.reading(campaign.name):
                template = service.get_template(settings.template_id, fresh=True)
            _require_values(engine, attempt, template)
        funnel = require_funnel(engine, campaign.name)
        log.info(
            "Campaign %s is due at %s UTC: %s",
            campaign.name,
            f"{scheduled.due_at:%Y-%m-%d %H:%M}",
            describe_counts(funnel),
        )
        progress = Progress(campaign.name, funnel.states[MessageState.PLANNED])
        stopped_by = send_planned(engine, attempt, settings, service, progress, stop)
    result = conclude(engine, attempt, settings, progress, stopped_by)
    close_schedule(engine, attempt)
    return result


def _require_values(engine: sa.Engine, attempt: Attempt, template: Template) -> None:
    """Check that each planned message has a value for each variable that the template has now."""
    if missing := count_missing_variables(engine, attempt, template.required_variables):
        values = ", ".join(f"{variable!r} ({count} planned messages have none)" for variable, count in missing.items())
        raise RcsInputError(
            "variables",
            f"template {template.id} needs values that were not listed: {values}; nothing was sent",
            "Run the task that lists the recipients again, with a column or a constant for each; the next dispatch "
            "sends the campaign.",
        )


def settings_of(scheduled: ScheduledCampaign) -> SendSettings:
    """Return the settings that a scheduled campaign is sent with."""
    stored = scheduled.settings
    cap = stored["frequency_cap"]
    return SendSettings(
        template_id=scheduled.campaign.terms.template_id,
        campaign=scheduled.campaign.name,
        agent=scheduled.campaign.terms.agent,
        send_at=scheduled.campaign.terms.send_at,
        quiet_hours=read_quiet_hours(stored["quiet_hours"]),
        frequency_cap=cap and FrequencyCap(cap["at_most"], timedelta(seconds=cap["within_seconds"])),
        **{name: stored[name] for name in _PLAIN_SETTINGS},
    )


def connections_of(scheduled: ScheduledCampaign) -> DispatchConnections:
    """Return the connections that the dispatch of a scheduled campaign uses."""
    return DispatchConnections(**scheduled.settings["connections"])


def _settings_to_store(settings: SendSettings, connections: DispatchConnections) -> Mapping[str, Any]:
    return {
        **{name: getattr(settings, name) for name in _PLAIN_SETTINGS},
        "quiet_hours": [
            {"start": f"{each.start:%H:%M}", "end": f"{each.end:%H:%M}", "action": each.action}
            for each in settings.quiet_hours
        ],
        "frequency_cap": settings.frequency_cap
        and {
            "at_most": settings.frequency_cap.at_most,
            "within_seconds": settings.frequency_cap.within.total_seconds(),
        },
        "connections": asdict(connections),
    }
