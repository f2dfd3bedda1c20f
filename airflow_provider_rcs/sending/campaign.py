"""One attempt at a campaign, from its list to its counts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import earlier_objects_frozen
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.sending.attempting import attempt_at, send_planned
from airflow_provider_rcs.sending.conclusion import conclude, counts
from airflow_provider_rcs.sending.held_list import hold_until_approved
from airflow_provider_rcs.sending.listing import Chunk, Tally, excluded_phones, list_chunks
from airflow_provider_rcs.sending.plan_hash import PlanHash
from airflow_provider_rcs.sending.service import Service
from airflow_provider_rcs.sending.settings import EVERYBODY, SendSettings
from airflow_provider_rcs.store.attempts import Attempt
from airflow_provider_rcs.store.campaigns import Campaign, CampaignTerms, find_campaign, open_campaign
from airflow_provider_rcs.store.claims import has_planned
from airflow_provider_rcs.store.funnel import Funnel
from airflow_provider_rcs.store.planning import record_list, write_out
from airflow_provider_rcs.store.schedules import leave_schedule
from airflow_provider_rcs.store.suppression import exclude

log = logging.getLogger(__name__)


@earlier_objects_frozen()
def send_campaign(
    engine: sa.Engine,
    service: Service,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
    *,
    made_by: str,
    lease: timedelta,
    excluded: Iterable[Sequence[object]] = (),
) -> dict[str, Any]:
    """Send a campaign as far as it can be sent, nobody twice, whatever earlier attempts have done of it.

    :param engine: the store.
    :param template: the template as the service has it.
    :param chunks: the recipients, as columns of some rows at a time.
    :param made_by: who sends, for people.
    :param lease: how long this attempt counts as alive without a sign of life.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :return: the campaign's name and counts, and the ids that the service gave; no recipients.
    :raises RcsPlanChangedError: if the plan is not the one that was approved; then nothing of the list is kept.
    :raises RcsInDoubtError: if messages of the attempt's shard are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: what made it stop; what was not sent then is planned still.
    """
    campaign, tally, listed = open_listed(engine, service.settings, service.fingerprint, template, settings, chunks)
    with attempt_at(engine, campaign, made_by, lease, settings.selection.shard_name) as attempt:
        if leave_schedule(engine, campaign):
            log.warning("Campaign %s was kept for a dispatch; this task sends its own list instead.", campaign.name)
        before = counts(engine, settings.campaign)
        exclude_phones(engine, campaign, settings, excluded)
        plan(engine, attempt, settings, tally, listed)
        log_what_is_known(before, tally, settings)
        stopped_by = send_planned(engine, attempt, settings, service, tally.rows)
    return conclude(engine, attempt, settings, stopped_by)


def open_listed(
    engine: sa.Engine,
    api: ApiSettings,
    fingerprint: str,
    template: Template,
    settings: SendSettings,
    chunks: Iterable[Chunk],
) -> tuple[Campaign, Tally, Iterator[Sequence[ListedRecipient]]]:
    """Open a campaign, once its list is seen to be one.

    :param api: how the connection says to speak to the service.
    :param fingerprint: of the connection's credentials, which the hash of a plan is made with.
    :return: the campaign; the tally of its list; and the list, some rows at a time, as far as it is read.
    :raises RcsError: what makes that nothing can be kept or sent.
    """
    tally = Tally()
    terms = CampaignTerms(template.id, template.name, settings.agent or api.agent, settings.send_at)
    listed = _list(chunks, template, settings, tally, PlanHash(template, settings, terms, fingerprint))
    # The first chunk is read before anything is kept: it shows a column that is missing, and a list that is empty.
    first: Sequence[ListedRecipient] = next(listed, [])
    tally.require_rows()
    if find_campaign(engine, settings.campaign) is None:
        settings.require_date_to_come()
    codes = api.status_codes
    campaign = open_campaign(engine, settings.campaign, terms, codes, asks_for_reports=settings.reports)
    return campaign, tally, chain([first], listed)


def plan(
    engine: sa.Engine,
    attempt: Attempt,
    settings: SendSettings,
    tally: Tally,
    chunks: Iterable[Sequence[ListedRecipient]],
) -> None:
    """Put the list into the books, and check what can be told only then."""
    record_all(engine, attempt, chunks)
    if settings.on_invalid == "fail":
        tally.require_no_rejections()
    tally.warn()
    if has_planned(engine, attempt):
        settings.require_date_to_come()


def record_all(engine: sa.Engine, attempt: Attempt, chunks: Iterable[Sequence[ListedRecipient]]) -> None:
    """Put the chunks of a list into the books; while one is on its way there, the next one is read and written out."""
    with ThreadPoolExecutor(1, thread_name_prefix="rcs-list") as books:
        recorded: Future[None] | None = None
        for part in (write_out(engine, listed) for listed in chunks):
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
        exclude(engine, campaign, sorted(phones))


def log_what_is_known(before: Funnel, tally: Tally, settings: SendSettings) -> None:
    """Tell in the log how a list meets what the campaign knows already.

    :param before: where its recipients stood before the list.
    """
    if settings.selection != EVERYBODY:
        log.info(
            "Campaign %s: %d of the %d rows are in this task's part of the list: shard %s, share %g.",
            settings.campaign,
            tally.rows,
            tally.rows_read,
            settings.selection.shard_name,
            settings.selection.share,
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
    if not settings.reports:
        log.warning(
            "Campaign %s asks for no delivery reports (reports=False): nothing will tell what became of its messages, "
            "what is in doubt can only be settled by hand (airflow-rcs resolve), and a sensor on it waits for ever.",
            settings.campaign,
        )


def _list(
    chunks: Iterable[Chunk], template: Template, settings: SendSettings, tally: Tally, plan: PlanHash
) -> Iterator[Sequence[ListedRecipient]]:
    """Read the chunks; where a plan had to be approved, all of them before the first one is given out."""
    if settings.approved_plan is None:
        return list_chunks(chunks, template, settings, tally)
    return hold_until_approved(list_chunks(chunks, template, settings, tally, plan), plan, settings.approved_plan)
