"""A dry run: everything that a send does but the requests, told and not kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import existing_objects_frozen
from airflow_provider_rcs.api.masking import mask_phone, mask_text
from airflow_provider_rcs.api.models import Recipient, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.api.wire.send import send_body
from airflow_provider_rcs.recipients.columns import Chunk, ListedRecipient
from airflow_provider_rcs.recipients.listing import ListCounts, excluded_phones, list_chunks
from airflow_provider_rcs.sending.approval import PlanHash
from airflow_provider_rcs.sending.sender import build_request
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD, SendSettings
from airflow_provider_rcs.store.campaign.campaigns import (
    Campaign,
    CampaignTerms,
    find_campaign,
    new_reference,
    new_token,
    require_not_restored,
    require_same_terms,
)
from airflow_provider_rcs.store.campaign.cancellations import require_not_cancelled
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.outbox.planning import KnownRecipient, read_known_recipients
from airflow_provider_rcs.store.outbox.suppression import EXCLUDED, preview_suppressions


@existing_objects_frozen()
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
    tally = ListCounts()
    forecast = Forecast(terms, settings, api, engine, campaign, out)
    plan = PlanHash(template, settings, terms, secret)
    for listed in list_chunks(chunks, template, settings.list_settings, tally, plan.add):
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
    return {**_result(template, settings, tally, forecast), "plan_hash": str(plan)}


def _begun(engine: sa.Engine | None, settings: SendSettings, terms: CampaignTerms) -> Campaign | None:
    """Return the campaign if it has been begun, after checking that it can go on like this."""
    campaign = None if engine is None else find_campaign(engine, settings.campaign)
    if engine is not None and campaign is not None:
        with reading(engine) as connection:
            require_not_cancelled(connection, campaign)
        require_same_terms(campaign, terms)
        require_not_restored(engine, campaign)
    return campaign


def _result(template: Template, settings: SendSettings, tally: ListCounts, forecast: Forecast) -> dict[str, Any]:
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


_SAMPLES = 3


@dataclass
class Forecast:
    """Adds up the chunks of a list; of its recipients only the keys are remembered.

    :param terms: what the campaign sends.
    :param api: how the connection says to speak to the service.
    :param engine: the store, if it can be asked.
    :param campaign: the campaign, if it has been begun.
    :param excluded: phones that ``exclude_sql`` names.
    """

    terms: CampaignTerms
    settings: SendSettings
    api: ApiSettings
    engine: sa.Engine | None
    campaign: Campaign | None
    excluded: Set[str]
    planned: int = 0
    fixed_lines: int = 0
    duplicates: int = 0
    messaged: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    largest_request: int = 0
    all_requests: int = 0
    samples: list[dict[str, object]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _waiting: list[ListedRecipient] = field(default_factory=list)

    def add(self, listed: Sequence[ListedRecipient]) -> None:
        """Add a chunk; of a phone that is listed again, the first row counts."""
        fresh = [recipient for recipient in listed if self._is_new(recipient.key)]
        self.duplicates += len(listed) - len(fresh)
        keys = [recipient.key for recipient in fresh]
        known = read_known_recipients(self.engine, self.campaign, keys) if self.engine and self.campaign else {}
        for recipient in fresh:
            if recipient.key in known:
                self._count_known(known[recipient.key])
            elif recipient.rejection:
                self.rejected[recipient.rejection] += 1
            else:
                self._waiting.append(recipient)
        batch_size = self.settings.batch_size or self.api.batch_size
        whole = len(self._waiting) - len(self._waiting) % batch_size
        for start in range(0, whole, batch_size):
            self._add_request(self._waiting[start : start + batch_size])
        del self._waiting[:whole]

    def finish(self) -> None:
        """Add what is left of the last chunk."""
        if self._waiting:
            self._add_request(self._waiting)

    def _is_new(self, key: str) -> bool:
        known = len(self._keys)
        self._keys.add(key)
        return len(self._keys) > known

    def _count_known(self, standing: KnownRecipient) -> None:
        match standing.state:
            case MessageState.REJECTED:
                self.rejected[standing.reason] += 1
            case MessageState.SUPPRESSED:
                self.suppressed[standing.reason] += 1
            case MessageState.DUPLICATE:
                self.duplicates += 1
            case _:
                self.messaged += 1

    def _add_request(self, batch: Sequence[ListedRecipient]) -> None:
        against = self._reasons_against([recipient.key for recipient in batch])
        self.suppressed.update(against.values())
        wanted = [recipient for recipient in batch if recipient.key not in against]
        if not wanted:
            return
        size = self._size_of_request(wanted)
        self.requests += 1
        self.all_requests += size
        self.largest_request = max(self.largest_request, size)
        self.planned += len(wanted)
        self.fixed_lines += sum(recipient.is_fixed_line for recipient in wanted)
        self.samples.extend(map(_masked_sample, wanted[: _SAMPLES - len(self.samples)]))

    def _reasons_against(self, batch: Sequence[str]) -> Mapping[str, str]:
        if self.engine is None:
            return {phone: EXCLUDED for phone in batch if phone in self.excluded}
        return preview_suppressions(self.engine, self.campaign, batch, self.excluded, self.settings.frequency_cap)

    def _size_of_request(self, listed: Sequence[ListedRecipient]) -> int:
        """Return the bytes of a request, whose reference is as long as the real one will be."""
        recipients = tuple(Recipient(each.key, each.name, each.reference, each.variables) for each in listed)
        reference = new_reference(self.campaign.token if self.campaign else new_token())
        request = build_request(self.terms, self.settings, recipients, reference)
        return len(send_body(request, self.api.recipient_reference_key, self.api.body_format))


def _masked_sample(recipient: ListedRecipient) -> dict[str, object]:
    """Return what can be checked of a recipient without reading it."""
    return {
        "phone": mask_phone(recipient.key),
        "name": mask_text(recipient.name),
        "variables": {variable: mask_text(text) for variable, text in recipient.variables.items()},
    }
