"""A dry run: everything that a send does but the requests, told and not kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import earlier_objects_frozen
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.forecast import Forecast
from airflow_provider_rcs.sending.listing import Chunk, Tally, excluded_phones, list_chunks
from airflow_provider_rcs.sending.plan_hash import PlanHash
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD, SendSettings
from airflow_provider_rcs.store.campaigns import Campaign, CampaignTerms, find_campaign, require_same_terms
from airflow_provider_rcs.store.cancellations import require_not_cancelled
from airflow_provider_rcs.store.engine import reading
from airflow_provider_rcs.store.restored import require_not_restored


@earlier_objects_frozen()
def preview_campaign(
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    *,
    api: ApiSettings,
    engine: sa.Engine | None = None,
    excluded: Iterable[Sequence[object]] = (),
    secret: str,
) -> dict[str, Any]:
    """Read the list, and tell what a send would do with it.

    The memory that it takes grows only by the phones, those of the list and those that are excluded.

    :param template: the template as the service has it.
    :param chunks: the recipients, as columns of some rows at a time.
    :param api: how the connection says to speak to the service.
    :param engine: the store, for who is suppressed or has been messaged already; ``None`` if it cannot be asked.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :param secret: what nobody knows who sees the plan's hash, such as the fingerprint of the credentials.
    :return: counts, the plan's hash, sizes and masked samples; nothing of a person can be read in it.
    :raises RcsError: what would make the send fail before anything is sent.
    """
    terms = CampaignTerms(template.id, template.name, settings.agent or api.agent, settings.send_at)
    campaign = _begun(engine, settings, terms)
    out = {phone for phones in excluded_phones(excluded, settings.default_region) for phone in phones}
    tally = Tally()
    forecast = Forecast(terms, settings, api, engine, campaign, out)
    plan = PlanHash(template, settings, terms, secret)
    for listed in list_chunks(chunks, template, settings, tally, plan):
        forecast.add(listed)
    forecast.finish()
    tally.require_rows()
    if settings.approved_plan is not None:
        plan.require(settings.approved_plan)
    if settings.on_invalid == "fail":
        tally.require_no_rejections()
    if campaign is None or forecast.planned:
        settings.require_date_to_come()
    tally.warn()
    return {**_told(template, settings, tally, forecast), "plan_hash": str(plan)}


def _begun(engine: sa.Engine | None, settings: SendSettings, terms: CampaignTerms) -> Campaign | None:
    """Return the campaign if it has been begun, after checking that it can go on like this."""
    campaign = None if engine is None else find_campaign(engine, settings.campaign)
    if engine is not None and campaign is not None:
        with reading(engine) as connection:
            require_not_cancelled(connection, campaign)
        require_same_terms(campaign, terms)
        require_not_restored(engine, campaign)
    return campaign


def _told(template: Template, settings: SendSettings, tally: Tally, forecast: Forecast) -> dict[str, Any]:
    reasons = {"rejected": dict(forecast.rejected)}
    if forecast.suppressed:
        reasons["suppressed"] = dict(forecast.suppressed)
    return {
        "campaign": settings.campaign,
        "dry_run": True,
        "store_asked": forecast.engine is not None,
        "dispatched_from": _dispatched_from(settings),
        "template": {
            "id": template.id,
            "name": template.name,
            "variables": list(template.required_variables),
            "sources": _sources(template, settings),
        },
        "requested": tally.rows,
        "planned": forecast.planned,
        "messaged_before": forecast.messaged,
        "duplicate": forecast.duplicates,
        "rejected": forecast.rejected.total(),
        "suppressed": forecast.suppressed.total(),
        "fixed_lines": forecast.fixed_lines,
        "reasons": reasons,
        "requests": {
            "count": forecast.requests,
            "largest_bytes": forecast.largest_request,
            "total_bytes": forecast.all_requests,
        },
        "samples": forecast.samples,
    }


def _dispatched_from(settings: SendSettings) -> str | None:
    """Return when a dispatch with the usual lead would send it first, if it is kept in the store until then."""
    if settings.scheduled_by != "store" or settings.send_at is None:
        return None
    return (settings.send_at - DEFAULT_LEAD).isoformat(timespec="minutes")


def _sources(template: Template, settings: SendSettings) -> dict[str, str]:
    """Return where the value of each of the template's variables comes from."""
    sources = {}
    for variable in template.variables:
        if variable.name in settings.constants:
            sources[variable.name] = "a constant"
        elif variable.name in settings.variables or not variable.filled_by_service:
            sources[variable.name] = f"column {settings.variables.get(variable.name, variable.name)}"
        else:
            sources[variable.name] = "the service"
    return sources
