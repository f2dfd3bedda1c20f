"""A dry run of a campaign, which counts what a send would do and records nothing of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import infrequent_collections
from airflow_provider_rcs.api.masking import mask_phone, mask_text
from airflow_provider_rcs.api.models import Recipient, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.api.wire.send import send_body
from airflow_provider_rcs.recipients.chunks import Chunk
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.recipients.listing import ListCounts, list_chunks
from airflow_provider_rcs.sending.approval import PlanHash
from airflow_provider_rcs.sending.campaign import read_excluded, require_credit_to_begin, terms_of
from airflow_provider_rcs.sending.preview.phone_tests import PhoneTest, read_test_phones, send_tests
from airflow_provider_rcs.sending.sender import RcsService, build_request
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
from airflow_provider_rcs.store.outbox.planning import EXCLUDED, KnownRecipient, read_known_recipients, used_rows
from airflow_provider_rcs.store.outbox.refused_credentials import require_not_refused
from airflow_provider_rcs.store.outbox.suppression import preview_suppressions

log = logging.getLogger(__name__)

# What is counted, with what people read for it.
COUNT_LABELS = {
    "requested": "rows of the list",
    "planned": "would be sent to",
    "fixed_lines": "of them fixed lines",
    "messaged_before": "messaged by this campaign before",
    "duplicate": "the same phone again",
    "rejected": "cannot be sent to",
    "suppressed": "must not be sent to",
}

_SAMPLES = 3


@infrequent_collections()
def dry_run(
    engine: sa.Engine | None,
    service: RcsService,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    excluded: Iterable[Sequence[object]] = (),
    phone_test: PhoneTest | None = None,
) -> dict[str, Any]:
    """Look up the template, check the credit, read the list, and return what a send would do with it.

    The memory that it needs grows only with the number of phones, listed and excluded.

    :param engine: the store, which knows who is suppressed or was messaged before; ``None`` if it cannot be read.
    :param chunks: the recipients, as columns of some rows at a time.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :param phone_test: a test that is sent at the end, with the values of the samples; it needs the store.
    :return: counts, the plan's hash, sizes, masked samples and the outcomes of the test; no personal data.
    :raises RcsError: what would make a send fail before anything is sent.
    """
    # Before the list is read, which may take long.
    test_phones = read_test_phones(phone_test.phones, settings.phone_rules) if phone_test is not None else []
    api, fingerprint = service.settings, service.credentials_fingerprint
    if engine is not None:
        with reading(engine) as connection:
            require_not_refused(connection, settings.campaign, fingerprint)
    template = service.get_template(settings.template_id)
    require_credit_to_begin(engine, settings, service)
    terms = terms_of(service, template, settings)
    campaign = _find_checked_campaign(engine, settings, terms)
    not_to_message = read_excluded(excluded, settings.phone_rules)
    list_counts = ListCounts()
    counts = PreviewCounts(terms, settings, api, engine, campaign, not_to_message)
    plan = PlanHash(template, settings, terms, fingerprint)
    for listed in list_chunks(chunks, template, settings, list_counts, plan.add):
        counts.add(listed)
    counts.finish()
    list_counts.require_rows()
    list_counts.phones.require_sound(settings.phone_rules)
    if settings.approved_plan is not None:
        plan.require(settings.approved_plan)
    if settings.on_invalid == "fail":
        list_counts.require_no_rejections()
    if campaign is None or counts.planned:
        settings.require_future_send_at()
    list_counts.warn()
    for warning in settings.warnings():
        log.warning("Campaign %s: %s", settings.campaign, warning)
    plan_hash = str(plan)
    test = None
    if phone_test is not None and engine is not None:
        test = send_tests(engine, service, template, settings, phone_test, test_phones, counts.samples, not_to_message)
    return {**_result(template, settings, list_counts, counts), "test": test, "plan_hash": plan_hash}


def _find_checked_campaign(engine: sa.Engine | None, settings: SendSettings, terms: CampaignTerms) -> Campaign | None:
    """Return the campaign if it has begun, after checking that a send could continue it."""
    campaign = None if engine is None else find_campaign(engine, settings.campaign)
    if engine is not None and campaign is not None:
        with reading(engine) as connection:
            require_not_cancelled(connection, campaign)
        require_same_terms(campaign, terms)
        require_not_restored(engine, campaign)
    return campaign


def _result(
    template: Template, settings: SendSettings, list_counts: ListCounts, counts: PreviewCounts
) -> dict[str, Any]:
    reasons = {"rejected": dict(counts.rejected)}
    if counts.suppressed:
        reasons["suppressed"] = dict(counts.suppressed)
    return {
        "campaign": settings.campaign,
        "dry_run": True,
        "store_asked": counts.engine is not None,
        "send_at": settings.send_at and settings.send_at.isoformat(timespec="minutes"),
        "dispatched_from": _earliest_dispatch(settings),
        "quiet_hours": list(map(str, settings.quiet_hours)),
        "template": {
            "id": template.id,
            "name": template.name,
            "variables": list(template.required_variables),
            "sources": _sources(template, settings),
        },
        "requested": list_counts.rows,
        "planned": counts.planned,
        "messaged_before": counts.messaged_before,
        "duplicate": counts.duplicates,
        "rejected": counts.rejected.total(),
        "suppressed": counts.suppressed.total(),
        "fixed_lines": counts.fixed_lines,
        "phones": {**list_counts.phones.as_dict(), "rules": _phone_rules(settings)},
        "reasons": reasons,
        "suspicious_values": list_counts.suspicious.as_dict(),
        "requests": {
            "count": counts.requests,
            "at_once": min(counts.requests, settings.max_in_flight),
            "largest_bytes": counts.largest_bytes,
            "total_bytes": counts.total_bytes,
        },
        "samples": list(map(_masked_sample, counts.samples)),
        "warnings": settings.warnings(),
    }


def _earliest_dispatch(settings: SendSettings) -> str | None:
    """Return when a dispatch with the default lead would first send the campaign, if the store waits for its date."""
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


def _phone_rules(settings: SendSettings) -> dict[str, str]:
    """Return the arguments by which phones are read: argument -> value; only those that are set."""
    names = ("phone_column", "region_column", "default_region", "phone_format")
    values = {name: getattr(settings, name) for name in names}
    return {**{name: str(value) for name, value in values.items() if value}, "mobile_only": str(settings.mobile_only)}


@dataclass
class PreviewCounts:
    """Counts what a send would do with a list, chunk by chunk; of the recipients, it stores only the keys.

    :param terms: what the campaign sends.
    :param api: the API settings of the connection.
    :param engine: the store; ``None`` if it cannot be read.
    :param campaign: the campaign, if it has begun.
    :param excluded: the phones of ``exclude_sql``.
    :param samples: the first recipients who would be sent to.
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
    messaged_before: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    largest_bytes: int = 0
    total_bytes: int = 0
    samples: list[ListedRecipient] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _rejected_keys: dict[str, str] = field(default_factory=dict)
    _sendable: list[ListedRecipient] = field(default_factory=list)

    def add(self, listed: Sequence[ListedRecipient]) -> None:
        """Add a chunk; of rows with the same phone, the first valid one counts, or else the first."""
        used = used_rows(listed)
        new = [recipient for key, recipient in used.items() if self._is_new(key)]
        self.duplicates += len(listed) - len(new)
        new.extend(recipient for recipient in used.values() if self._replaces_rejected(recipient))
        keys = [recipient.key for recipient in new]
        known = read_known_recipients(self.engine, self.campaign, keys) if self.engine and self.campaign else {}
        for recipient in new:
            if recipient.key in known:
                self._count_known(known[recipient.key])
            elif recipient.key in self.excluded:
                self.suppressed[EXCLUDED] += 1
            elif recipient.rejection:
                self.rejected[recipient.rejection] += 1
                self._rejected_keys[recipient.key] = recipient.rejection
            else:
                self._sendable.append(recipient)
        batch_size = self.settings.batch_size or self.api.batch_size
        whole = len(self._sendable) - len(self._sendable) % batch_size
        for start in range(0, whole, batch_size):
            self._count_request(self._sendable[start : start + batch_size])
        del self._sendable[:whole]

    def finish(self) -> None:
        """Add the last request, which may have fewer recipients than the others."""
        if self._sendable:
            self._count_request(self._sendable)

    def _is_new(self, key: str) -> bool:
        before = len(self._keys)
        self._keys.add(key)
        return len(self._keys) > before

    def _replaces_rejected(self, recipient: ListedRecipient) -> bool:
        """Return whether this is the first valid row of a recipient with an invalid one in an earlier chunk."""
        if recipient.rejection or recipient.key not in self._rejected_keys:
            return False
        self.rejected -= Counter([self._rejected_keys.pop(recipient.key)])
        return True

    def _count_known(self, known: KnownRecipient) -> None:
        match known.state:
            case MessageState.REJECTED:
                self.rejected[known.reason] += 1
            case MessageState.SUPPRESSED:
                self.suppressed[known.reason] += 1
            case MessageState.DUPLICATE:
                self.duplicates += 1
            case _:
                self.messaged_before += 1

    def _count_request(self, batch: Sequence[ListedRecipient]) -> None:
        reasons = self._suppression_reasons([recipient.key for recipient in batch])
        self.suppressed.update(reasons.values())
        allowed = [recipient for recipient in batch if recipient.key not in reasons]
        if not allowed:
            return
        size = self._bytes_of_request(allowed)
        self.requests += 1
        self.total_bytes += size
        self.largest_bytes = max(self.largest_bytes, size)
        self.planned += len(allowed)
        self.fixed_lines += sum(recipient.is_fixed_line for recipient in allowed)
        self.samples.extend(allowed[: _SAMPLES - len(self.samples)])

    def _suppression_reasons(self, phones: Sequence[str]) -> Mapping[str, str]:
        if self.engine is None:
            return {}
        cap, terms = self.settings.frequency_cap, self.terms
        return preview_suppressions(self.engine, terms.account, phones, cap, terms.send_at)

    def _bytes_of_request(self, listed: Sequence[ListedRecipient]) -> int:
        """Return the size of a request's body; its reference is as long as a real one."""
        recipients = tuple(Recipient(each.key, each.name, each.reference, each.variables) for each in listed)
        reference = new_reference(self.campaign.token if self.campaign else new_token())
        request = build_request(self.terms, self.settings, recipients, reference)
        return len(send_body(request, self.api.recipient_reference_key, self.api.body_format))


def _masked_sample(recipient: ListedRecipient) -> dict[str, object]:
    """Return the shape of a recipient's values, without their content."""
    return {
        "phone": mask_phone(recipient.key),
        "name": mask_text(recipient.name),
        "variables": {variable: mask_text(text) for variable, text in recipient.variables.items()},
    }
