"""The send of a campaign, from its list to its counts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import require_credit
from airflow_provider_rcs.api.garbage import infrequent_collections
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.chunks import Chunk
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.recipients.listing import ListCounts, list_chunks
from airflow_provider_rcs.recipients.phone_list import read_phone_list
from airflow_provider_rcs.recipients.phones import PhoneRules
from airflow_provider_rcs.recipients.selection import ALL_RECIPIENTS
from airflow_provider_rcs.sending.approval import PlanHash, yield_if_approved
from airflow_provider_rcs.sending.attempt import attempt_at, send_planned
from airflow_provider_rcs.sending.progress import Progress, ShowProgress, saying_that_it_takes_long
from airflow_provider_rcs.sending.result import conclude, require_funnel
from airflow_provider_rcs.sending.sender import RcsService
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.sending.stopping import Stop
from airflow_provider_rcs.sending.threads import start
from airflow_provider_rcs.store.campaign.campaigns import Campaign, CampaignTerms, find_campaign, open_campaign
from airflow_provider_rcs.store.campaign.schedules import delete_schedule
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy
from airflow_provider_rcs.store.outbox.claims import has_planned
from airflow_provider_rcs.store.outbox.exclusions import suppress_excluded
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.refused_credentials import looking_up
from airflow_provider_rcs.store.read.funnel import Funnel

log = logging.getLogger(__name__)


@infrequent_collections()
def send_campaign(
    engine: sa.Engine,
    service: RcsService,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    *,
    started_by: StartedBy,
    lease: timedelta,
    stop: Stop | None = None,
    excluded: Iterable[Sequence[object]] = (),
    show_progress: ShowProgress | None = None,
) -> dict[str, Any]:
    """Send a campaign to the recipients of a list who were not messaged by an earlier attempt.

    :param engine: the store.
    :param template: the template as the service has it.
    :param chunks: the recipients, as columns of some rows at a time.
    :param started_by: what sends.
    :param lease: how long this attempt counts as alive without a renewal.
    :param stop: tells whether the task should stop; by default, only an error that is raised in this thread stops it.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :param show_progress: shows how far the send is; by default the log does.
    :return: the campaign's name and counts, and the ids that the service gave; no recipients.
    :raises RcsInputError: if a phone of ``excluded`` cannot be read; then nothing is recorded.
    :raises RcsPlanChangedError: if the plan is not the one that was approved; then nothing of the list is recorded.
    :raises RcsTaskStoppedError: if the task was asked to stop before it had sent to the whole list.
    :raises RcsInDoubtError: if messages of the attempt's shard are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: another error that stopped it; messages that were not sent stay planned.
    """
    stop = stop or Stop()
    with stop.reading(settings.campaign):
        not_to_message = read_excluded(excluded, settings.phone_rules)
    campaign, counts, listed = open_campaign_for_list(engine, service, template, settings, chunks, stop)
    with attempt_at(engine, campaign, started_by, lease, stop, settings.selection.shard_name) as attempt:
        if delete_schedule(engine, campaign):
            log.warning(
                "Campaign %s was scheduled for a later dispatch; this task sends its own list now instead.",
                campaign.name,
            )
        before = require_funnel(engine, settings.campaign)
        suppress_excluded(engine, campaign, not_to_message)
        plan_list(engine, attempt, settings, counts, listed, not_to_message)
        to_send = count_to_send(engine, attempt, counts)
        log_campaign_start(before, counts, to_send, settings)
        progress = Progress(campaign.name, to_send, show_progress)
        stopped_by = send_planned(engine, attempt, settings, service, progress, stop)
    return conclude(engine, attempt, settings, progress, stopped_by)


def open_campaign_for_list(
    engine: sa.Engine,
    service: RcsService,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    stop: Stop,
) -> tuple[Campaign, ListCounts, Iterator[Sequence[ListedRecipient]]]:
    """Open a campaign once the first rows of its list have been read and checked.

    :param stop: tells whether the task should stop; it interrupts the reading of the list, here and later.
    :return: the campaign; the counts of its list, updated while the list is read; and the list, some rows at a time.
    :raises RcsError: if the list cannot be planned or the campaign cannot be opened; then nothing is recorded.
    """
    counts = ListCounts()
    terms = replace(terms_of(service, template, settings), conditions=settings.conditions)
    plan = PlanHash(template, settings, terms, service.credentials_fingerprint)
    listed = stop.reading_each(settings.campaign, _read_list(chunks, template, settings, counts, plan))
    # The first chunk is read before anything is recorded: it shows if a column is missing, or the list is empty.
    first: Sequence[ListedRecipient] = next(listed, [])
    counts.require_rows()
    if settings.send_at is not None and find_campaign(engine, settings.campaign) is None:
        settings.require_future_send_at()
    codes = service.settings.status_codes
    campaign = open_campaign(engine, settings.campaign, terms, codes, request_reports=settings.request_reports)
    return campaign, counts, chain([first], listed)


def terms_of(service: RcsService, template: Template, settings: SendSettings) -> CampaignTerms:
    """Return what a campaign sends through a connection, without its conditions."""
    return CampaignTerms(
        template.id,
        template.name,
        settings.agent or service.settings.agent,
        settings.send_at,
        service.account,
        service.rcs_conn_id,
    )


def _read_list(
    chunks: Iterable[Chunk], template: Template, settings: SendSettings, counts: ListCounts, plan: PlanHash
) -> Iterator[Sequence[ListedRecipient]]:
    """Read the chunks; where a plan must be approved, read all of them before the first one is yielded."""
    if settings.approved_plan is None:
        return list_chunks(chunks, template, settings, counts)
    return yield_if_approved(list_chunks(chunks, template, settings, counts, plan.add), plan, settings.approved_plan)


def plan_list(
    engine: sa.Engine,
    attempt: Attempt,
    settings: SendSettings,
    counts: ListCounts,
    chunks: Iterable[Sequence[ListedRecipient]],
    excluded: Set[str],
) -> None:
    """Record the list as planned, and check what only the whole list shows.

    With ``on_invalid="fail"`` rejections are not recorded: they would be counted after the list was put right.

    :param excluded: phones that must not be messaged; their recipients are recorded as suppressed.
    :raises RcsInvalidRecipientsError: if a recipient is rejected and ``on_invalid`` is ``"fail"``.
    :raises RcsInputError: if the phones were rounded, or most of those without a country cannot be read; or if
        ``send_at`` has passed and messages are planned.
    """
    all_or_none = settings.on_invalid == "fail"
    chunks = saying_that_it_takes_long(chunks, partial(_log_long_list, settings.campaign, counts))
    record_chunks(engine, attempt, map(_without_rejected, chunks) if all_or_none else chunks, excluded)
    counts.phones.require_sound(settings.phone_rules)
    if all_or_none:
        counts.require_no_rejections()
    counts.warn()
    if settings.send_at is not None and has_planned(engine, attempt):
        settings.require_future_send_at()


def _log_long_list(campaign: str, counts: ListCounts) -> None:
    log.info("Campaign %s: %s rows of the list read so far; still reading.", campaign, f"{counts.rows_read:,}")


def count_to_send(engine: sa.Engine, attempt: Attempt, counts: ListCounts) -> int:
    """Return how many messages are planned of a list that was recorded; at most so many where others send as well.

    :param counts: of the list.
    """
    planned = require_funnel(engine, attempt.campaign.name).states[MessageState.PLANNED]
    return min(planned, counts.rows - counts.rejections.total())


def _without_rejected(listed: Sequence[ListedRecipient]) -> Sequence[ListedRecipient]:
    return [each for each in listed if not each.rejection]


def record_chunks(
    engine: sa.Engine, attempt: Attempt, chunks: Iterable[Sequence[ListedRecipient]], excluded: Set[str]
) -> None:
    """Record the chunks of a list in its order; while one is being recorded, the next one is read and prepared."""
    recording: Future[None] | None = None
    try:
        for part in (prepare_list_part(engine, listed, excluded) for listed in chunks):
            if recording is not None:
                recording.result()
            recording = start(partial(record_list, engine, attempt, part), "rcs-list")
    finally:
        # Also after an error: nothing is recorded once the attempt has ended.
        wait([recording] if recording else [])
    if recording is not None:
        recording.result()


def read_excluded(chunks: Iterable[Sequence[object]], rules: PhoneRules) -> Set[str]:
    """Return the phones of ``exclude_sql``.

    :param chunks: its only column, some cells at a time.
    :param rules: how phones without a country are read.
    :raises RcsInputError: if one of them cannot be read.
    """
    excluded = read_phone_list("exclude_sql", chunks, rules)
    if excluded:
        log.info("exclude_sql names %d phones that are not messaged.", len(excluded))
    return excluded


def log_campaign_start(before: Funnel, counts: ListCounts, to_send: int, settings: SendSettings) -> None:
    """Log how many recipients are listed and to be sent to, and how many the campaign has messaged before.

    :param before: the campaign's funnel before the list was planned.
    """
    selection = settings.selection
    part = f" (of {counts.rows_read:,} rows: shard {selection.shard_name}, sample {selection.sample:g})"
    known = (
        f"; of {before.requested:,} that it knew before, {before.states[MessageState.ACCEPTED]:,} are accepted already "
        "and not sent again"
    )
    log.info(
        "Campaign %s %s: %s recipients are listed%s%s. To be sent: %s. Phones: %s.",
        settings.campaign,
        "continues" if before.requested else "starts",
        f"{counts.rows:,}",
        "" if selection == ALL_RECIPIENTS else part,
        known if before.requested else "",
        f"{to_send:,}",
        counts.phones.describe() or "none can be read",
    )
    for warning in settings.warnings():
        log.warning("Campaign %s: %s", settings.campaign, warning)
    if not settings.request_reports:
        log.warning(
            "Campaign %s requests no delivery reports (request_reports=False): whether its messages are delivered will "
            "not be known, messages in doubt can only be resolved by hand (airflow-rcs resolve), and a sensor on it "
            "waits forever.",
            settings.campaign,
        )


def look_up_template(engine: sa.Engine, service: RcsService, settings: SendSettings, stop: Stop) -> Template:
    """Return the template as the service has it, after checking what the account must have for the campaign to begin.

    :param stop: interrupts the look-ups.
    :raises RcsAuthError: if the service has refused these credentials in the campaign before, or refuses them now.
    :raises RcsCreditError: if the account has less than ``min_credits``.
    :raises RcsRefusedError: another of its kinds, if something cannot be looked up.
    :raises RcsTaskStoppedError: if the task was asked to stop.
    """
    with looking_up(engine, settings.campaign, service.credentials_fingerprint), stop.reading(settings.campaign):
        template = service.get_template(settings.template_id)
        require_credit_to_begin(engine, settings, service)
    return template


def require_credit_to_begin(engine: sa.Engine | None, settings: SendSettings, service: RcsService) -> None:
    """Check that the account has ``min_credits``, unless the campaign has begun.

    A campaign that has begun has spent some of the credit itself, and continues with what is left. That also applies
    where another task begins it in the meantime, such as the task of another shard.

    :param engine: the store; ``None`` if it cannot be read.
    :raises RcsCreditError: if the account has less.
    :raises RcsRefusedError: another of its kinds, if the credit cannot be looked up.
    """
    if settings.min_credits is None or _has_begun(engine, settings):
        return
    left = service.get_credits()
    if not _has_begun(engine, settings):
        require_credit(left, settings.min_credits)


def _has_begun(engine: sa.Engine | None, settings: SendSettings) -> bool:
    return engine is not None and find_campaign(engine, settings.campaign) is not None
