"""Keeping a campaign in the store until shortly before its date: listed and checked now, sent by a dispatch."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import earlier_objects_frozen
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.attempting import attempt_at
from airflow_provider_rcs.sending.campaign import exclude_phones, log_what_is_known, open_listed, plan
from airflow_provider_rcs.sending.conclusion import counts, returned, told
from airflow_provider_rcs.sending.listing import Chunk
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD, SendSettings, read_quiet_hours
from airflow_provider_rcs.store.schedules import Scheduled, begin_schedule, finish_schedule

log = logging.getLogger(__name__)

_KEPT_AS_THEY_ARE = ("default_region", "reports", "batch_size", "max_in_flight", "at_most", "on_in_doubt")


@dataclass(frozen=True, slots=True)
class Connections:
    """What a dispatch asks besides the store.

    :param rcs_conn_id: the connection to the RCS API.
    :param exclude_sql: a query of phones that must not be messaged; it is asked again by the dispatch.
    :param exclude_conn_id: its connection.
    """

    rcs_conn_id: str
    exclude_sql: str | None = None
    exclude_conn_id: str | None = None


@earlier_objects_frozen()
def schedule_campaign(
    engine: sa.Engine,
    api: ApiSettings,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    connections: Connections,
    *,
    made_by: str,
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
    :param made_by: who lists, for people.
    :param lease: how long this attempt counts as alive without a sign of life.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :param fingerprint: of the connection's credentials, which the hash of an approved plan was made with.
    :return: the campaign's name and counts; no recipients.
    :raises RcsError: what makes that the list cannot be kept.
    """
    if settings.send_at is None:
        raise ValueError("send_at")
    campaign, tally, listed = open_listed(engine, api, fingerprint, template, settings, chunks)
    with attempt_at(engine, campaign, made_by, lease) as attempt:
        begin_schedule(engine, attempt, settings.send_at, _kept(settings, connections))
        before = counts(engine, campaign.name)
        exclude_phones(engine, campaign, settings, excluded)
        plan(engine, attempt, settings, tally, listed)
        finish_schedule(engine, attempt)
        log_what_is_known(before, tally, settings)
    funnel = counts(engine, campaign.name)
    log.info(
        "Campaign %s is kept in the store: %s. RcsDispatchScheduledOperator sends it shortly before %s UTC.",
        campaign.name,
        told(funnel),
        f"{settings.send_at:%Y-%m-%d %H:%M}",
    )
    if settings.send_at < datetime.now(UTC) + DEFAULT_LEAD:
        log.warning("Campaign %s is due soon: the next run of the dispatch sends it.", campaign.name)
    return returned(engine, campaign, funnel)


def settings_of(scheduled: Scheduled) -> SendSettings:
    """Return the settings that a scheduled campaign is sent with."""
    kept = scheduled.settings
    within = kept["within_seconds"]
    return SendSettings(
        template_id=scheduled.campaign.terms.template_id,
        campaign=scheduled.campaign.name,
        agent=scheduled.campaign.terms.agent,
        send_at=scheduled.campaign.terms.send_at,
        quiet_hours=read_quiet_hours(kept["quiet_hours"]),
        within=None if within is None else timedelta(seconds=within),
        **{name: kept[name] for name in _KEPT_AS_THEY_ARE},
    )


def connections_of(scheduled: Scheduled) -> Connections:
    """Return what is asked before a scheduled campaign is sent."""
    return Connections(**scheduled.settings["connections"])


def _kept(settings: SendSettings, connections: Connections) -> Mapping[str, Any]:
    return {
        **{name: getattr(settings, name) for name in _KEPT_AS_THEY_ARE},
        "quiet_hours": [
            {"start": f"{each.start:%H:%M}", "end": f"{each.end:%H:%M}", "action": each.action}
            for each in settings.quiet_hours
        ],
        "within_seconds": None if settings.within is None else settings.within.total_seconds(),
        "connections": {
            "rcs_conn_id": connections.rcs_conn_id,
            "exclude_sql": connections.exclude_sql,
            "exclude_conn_id": connections.exclude_conn_id,
        },
    }
