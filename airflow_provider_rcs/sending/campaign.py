"""One attempt at a campaign, from its list to its counts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.credit import require_credit
from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.api.garbage import existing_objects_frozen
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import Chunk, ListedRecipient
from airflow_provider_rcs.recipients.listing import ListCounts, excluded_phones, list_chunks
from airflow_provider_rcs.recipients.selection import ALL_RECIPIENTS
from airflow_provider_rcs.sending.approval import PlanHash, hold_until_approved
from airflow_provider_rcs.sending.attempt import attempt_at, send_planned
from airflow_provider_rcs.sending.result import conclude, require_funnel
from airflow_provider_rcs.sending.sender import ServiceConnection
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import Campaign, CampaignTerms, find_campaign, open_campaign
from airflow_provider_rcs.store.campaign.schedules import delete_schedule
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import has_planned
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.refused_credentials import check_credentials, remember_refusal
from airflow_provider_rcs.store.outbox.suppression import record_exclusions
from airflow_provider_rcs.store.read.funnel import Funnel

log = logging.getLogger(__name__)


@existing_objects_frozen()
def send_campaign(
    engine: sa.Engine,
    service: ServiceConnection,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    *,
    started_by: str,
    lease: timedelta,
    excluded: Iterable[Sequence[object]] = (),
) -> dict[str, Any]:
    """Send a campaign as far as it can be sent, nobody twice, whatever earlier attempts have done of it.

    :param engine: the store.
    :param template: the template as the service has it.
    :param chunks: the recipients, as columns of some rows at a time.
    :param started_by: who sends, for people.
    :param lease: how long this attempt counts as alive without a sign of life.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :return: the campaign's name and counts, and the ids that the service gave; no recipients.
    :raises RcsPlanChangedError: if the plan is not the one that was approved; then nothing of the list is kept.
    :raises RcsInDoubtError: if messages of the attempt's shard are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: what made it stop; what was not sent then is planned still.
    """
    campaign, tally, listed = open_campaign_for_list(
        engine, service.settings, service.fingerprint, template, settings, chunks
    )
    with attempt_at(engine, campaign, started_by, lease, settings.selection.shard_name) as attempt:
        if delete_schedule(engine, campaign):
            log.warning("Campaign %s was kept for a dispatch; this task sends its own list instead.", campaign.name)
        before = require_funnel(engine, settings.campaign)
        exclude_phones(engine, campaign, settings, excluded)
        plan_list(engine, attempt, settings, tally, listed)
        log_campaign_start(before, tally, settings)
        stopped_by = send_planned(engine, attempt, settings, service, tally.rows)
    return conclude(engine, attempt, settings, stopped_by)


def open_campaign_for_list(
    engine: sa.Engine,
    api: ApiSettings,
    fingerprint: str,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
) -> tuple[Campaign, ListCounts, Iterator[Sequence[ListedRecipient]]]:
    """Open a campaign, once its list is seen to be one.

    :param api: how the connection says to speak to the service.
    :param fingerprint: of the connection's credentials, which the hash of a plan is made with.
    :return: the campaign; the tally of its list; and the list, some rows at a time, as far as it is read.
    :raises RcsError: what makes that nothing can be kept or sent.
    """
    tally = ListCounts()
    terms = CampaignTerms(template.id, template.name, settings.agent or api.agent, settings.send_at)
    listed = _list(chunks, template, settings, tally, PlanHash(template, settings, terms, fingerprint))
    # The first chunk is read before anything is kept: it shows a column that is missing, and a list that is empty.
    first: Sequence[ListedRecipient] = next(listed, [])
    tally.require_rows()
    if find_campaign(engine, settings.campaign) is None:
        settings.require_date_to_come()
    codes = api.status_codes
    campaign = open_campaign(engine, settings.campaign, terms, codes, request_reports=settings.request_reports)
    return campaign, tally, chain([first], listed)


def plan_list(
    engine: sa.Engine,
    attempt: Attempt,
    settings: SendSettings,
    tally: ListCounts,
    chunks: Iterable[Sequence[ListedRecipient]],
) -> None:
    """Put the list into the books, and check what can be told only then."""
    record_chunks(engine, attempt, chunks)
    if settings.on_invalid == "fail":
        tally.require_no_rejections()
    tally.warn()
    if has_planned(engine, attempt):
        settings.require_date_to_come()


def record_chunks(engine: sa.Engine, attempt: Attempt, chunks: Iterable[Sequence[ListedRecipient]]) -> None:
    """Put the chunks of a list into the books; while one is on its way there, the next one is read and written out."""
    with ThreadPoolExecutor(1, thread_name_prefix="rcs-list") as books:
        recorded: Future[None] | None = None
        for part in (prepare_list_part(engine, listed) for listed in chunks):
            # They go there in the order of the list all the same.
            if recorded is not None:
                recorded.result()
            recorded = books.submit(record_list, engine, attempt, part)
        if recorded is not None:
            recorded.result()


def exclude_phones(
    engine: sa.Engine, campaign: Campaign, settings: SendSettings, excluded: Iterable[Sequence[object]]
) -> None:
    """Note who must not be messaged, before anyone is listed who could be claimed."""
    for phones in excluded_phones(excluded, settings.default_region):
        record_exclusions(engine, campaign, sorted(phones))


def log_campaign_start(before: Funnel, tally: ListCounts, settings: SendSettings) -> None:
    """Tell in the log how a list meets what the campaign knows already.

    :param before: where its recipients stood before the list.
    """
    if settings.selection != ALL_RECIPIENTS:
        log.info(
            "Campaign %s: %d of the %d rows are in this task's part of the list: shard %s, sample %g.",
            settings.campaign,
            tally.rows,
            tally.rows_read,
            settings.selection.shard_name,
            settings.selection.sample,
        )
    if before.requested:
        log.info(
            "Campaign %s goes on: %d recipients are listed now; of the %d that it knew before, %d are accepted already "
            "and are not sent again.",
            settings.campaign,
            tally.rows,
            before.requested,
            before.states[MessageState.ACCEPTED],
        )
    else:
        log.info("Campaign %s begins: %d recipients are listed.", settings.campaign, tally.rows)
    if not settings.request_reports:
        log.warning(
            "Campaign %s asks for no delivery reports (request_reports=False): nothing will tell what became of its messages, "
            "what is in doubt can only be settled by hand (airflow-rcs resolve), and a sensor on it waits for ever.",
            settings.campaign,
        )


def _list(
    chunks: Iterable[Chunk], template: Template, settings: SendSettings, tally: ListCounts, plan: PlanHash
) -> Iterator[Sequence[ListedRecipient]]:
    """Read the chunks; where a plan had to be approved, all of them before the first one is given out."""
    if settings.approved_plan is None:
        return list_chunks(chunks, template, settings.list_settings, tally)
    return hold_until_approved(
        list_chunks(chunks, template, settings.list_settings, tally, plan.add), plan, settings.approved_plan
    )


def look_up_template(
    engine: sa.Engine, settings: SendSettings, get_template: Callable[[str], Template], fingerprint: str
) -> Template:
    """Look up the campaign's template, unless the service is known to refuse the credentials.

    :raises RcsAuthError: if it has refused them to this campaign before, or does so now.
    :raises RcsRefusedError: another of its kinds, if the template cannot be looked up.
    """
    check_credentials(engine, settings.campaign, fingerprint)
    with _refusals_remembered(engine, settings.campaign, fingerprint):
        return get_template(settings.template_id)


def require_credit_to_begin(
    engine: sa.Engine, settings: SendSettings, get_credits: Callable[[], float], fingerprint: str
) -> None:
    """Check that the account has the credit that was asked for, unless the campaign has begun.

    One that has begun has used some of the credit itself, and goes on with what there is. So does one that another task
    begins in the meantime, such as that of another shard.

    :raises RcsCreditError: if it has less.
    :raises RcsRefusedError: another of its kinds, if the credit cannot be looked up.
    """
    with _refusals_remembered(engine, settings.campaign, fingerprint):
        require_credit_for_preview(engine, settings, get_credits)


@contextmanager
def _refusals_remembered(engine: sa.Engine, campaign: str, fingerprint: str) -> Iterator[None]:
    try:
        yield
    except RcsAuthError:
        remember_refusal(engine, campaign, fingerprint)
        raise


def look_up_for_preview(
    engine: sa.Engine | None, settings: SendSettings, get_template: Callable[[str], Template], fingerprint: str
) -> Template:
    """Look up the campaign's template as :func:`look_up_template` does, and keep nothing.

    :param engine: the store, if it can be asked.
    """
    if engine is not None:
        check_credentials(engine, settings.campaign, fingerprint)
    return get_template(settings.template_id)


def require_credit_for_preview(
    engine: sa.Engine | None, settings: SendSettings, get_credits: Callable[[], float]
) -> None:
    """Check the credit as :func:`require_credit_to_begin` does, and keep nothing.

    :param engine: the store, if it can be asked.
    """
    if settings.min_credits is None or _has_begun(engine, settings):
        return
    left = get_credits()
    if not _has_begun(engine, settings):
        require_credit(left, settings.min_credits)


def _has_begun(engine: sa.Engine | None, settings: SendSettings) -> bool:
    return engine is not None and find_campaign(engine, settings.campaign) is not None
