"""One attempt at a campaign, from its list to its counts."""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError, RcsInDoubtError, RcsOutcomeUnknown, RcsStoppedError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.sending.held_list import hold_until_approved
from airflow_provider_rcs.sending.lease_keeper import LeaseKeeper
from airflow_provider_rcs.sending.listing import Chunk, Tally, excluded_phones, list_chunks
from airflow_provider_rcs.sending.plan_hash import PlanHash
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.requests import PlannedRequests
from airflow_provider_rcs.sending.service import Service
from airflow_provider_rcs.sending.settings import EVERYBODY, SendSettings
from airflow_provider_rcs.store.attempts import WHOLE_LIST, Attempt, begin_attempt, end_attempt
from airflow_provider_rcs.store.campaigns import Campaign, CampaignTerms, find_campaign, open_campaign
from airflow_provider_rcs.store.cancellations import require_not_cancelled
from airflow_provider_rcs.store.claims import api_campaign_ids, has_planned
from airflow_provider_rcs.store.engine import reading
from airflow_provider_rcs.store.folding import fold, fold_parked
from airflow_provider_rcs.store.funnel import Funnel, read_funnel
from airflow_provider_rcs.store.planning import record_list
from airflow_provider_rcs.store.restored import require_not_restored
from airflow_provider_rcs.store.schedules import leave_schedule
from airflow_provider_rcs.store.shards import states_in_shard_of
from airflow_provider_rcs.store.suppression import exclude
from airflow_provider_rcs.store.takeover import bury_dead_attempts, seconds_until_others_end

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS_AT_OTHERS = 2.0


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


@contextmanager
def attempt_at(
    engine: sa.Engine, campaign: Campaign, made_by: str, lease: timedelta, shard: str = WHOLE_LIST
) -> Iterator[Attempt]:
    """Make an attempt at a campaign, after taking in what became of earlier ones.

    :raises RcsCancelledError: if the campaign was cancelled.
    :raises RcsStoreError: if the store has forgotten whom the campaign messaged.
    """
    require_not_restored(engine, campaign)
    _log_what_was_taken_over(campaign.name, bury_dead_attempts(engine, campaign), fold(engine))
    with reading(engine) as connection:
        require_not_cancelled(connection, campaign)
    made_by = f"{made_by} on {socket.gethostname()}, process {os.getpid()}"
    attempt = begin_attempt(engine, campaign, made_by, lease, shard)
    with LeaseKeeper(engine, attempt):
        try:
            yield attempt
        finally:
            end_attempt(engine, attempt)


def plan(
    engine: sa.Engine,
    attempt: Attempt,
    settings: SendSettings,
    tally: Tally,
    chunks: Iterable[Sequence[ListedRecipient]],
) -> None:
    """Put the list into the books, and check what can be told only then."""
    # While a chunk is put into the books, the next one is read; they go there in the order of the list all the same.
    with ThreadPoolExecutor(1, thread_name_prefix="rcs-list") as books:
        recorded: Future[None] | None = None
        for listed in chunks:
            if recorded is not None:
                recorded.result()
            recorded = books.submit(record_list, engine, attempt, listed)
        if recorded is not None:
            recorded.result()
    if settings.on_invalid == "fail":
        tally.require_no_rejections()
    tally.warn()
    if has_planned(engine, attempt):
        settings.require_date_to_come()


def exclude_phones(
    engine: sa.Engine, campaign: Campaign, settings: SendSettings, excluded: Iterable[Sequence[object]]
) -> None:
    """Note who must not be messaged, before anyone is listed who could be claimed."""
    for phones in excluded_phones(excluded, settings.default_region):
        exclude(engine, campaign, sorted(phones))


def send_planned(
    engine: sa.Engine, attempt: Attempt, settings: SendSettings, service: Service, listed: int
) -> RcsError | None:
    """Send to those who are planned, and wait for what other attempts have under way.

    :param listed: how many recipients there are, for people.
    :return: what stopped it, or ``None``.
    """
    requests = PlannedRequests(
        engine,
        attempt,
        settings,
        settings.batch_size or service.settings.batch_size,
        service,
        Progress(settings.campaign, listed),
    )
    stopped_by = requests.send_all()
    _wait_for_others(engine, attempt)
    return stopped_by


def conclude(
    engine: sa.Engine, attempt: Attempt, settings: SendSettings, stopped_by: RcsError | None
) -> dict[str, Any]:
    """Return what a send came to, unless it was stopped or messages are in doubt."""
    fold_parked(engine)
    funnel = counts(engine, attempt.campaign.name)
    log.info("Campaign %s: %s", attempt.campaign.name, told(funnel))
    _require_settled(funnel, states_in_shard_of(engine, attempt), settings, stopped_by)
    return returned(engine, attempt.campaign, funnel)


def returned(engine: sa.Engine, campaign: Campaign, funnel: Funnel) -> dict[str, Any]:
    """Return a campaign's name and counts, and the ids that the service gave, fit for an XCom."""
    return {
        "campaign": campaign.name,
        **funnel.as_dict(),
        "api_campaign_ids": api_campaign_ids(engine, campaign.id),
    }


def counts(engine: sa.Engine, campaign: str) -> Funnel:
    """Return where the recipients of a campaign stand that is there."""
    funnel = read_funnel(engine, campaign)
    if funnel is None:
        raise LookupError(campaign)
    return funnel


def told(funnel: Funnel) -> str:
    """Return the counts in words."""
    return ", ".join(
        [f"{funnel.requested} requested", *(f"{count} {state}" for state, count in funnel.states.items() if count)]
    )


def _log_what_was_taken_over(campaign: str, doubted: int, folded: int) -> None:
    if doubted:
        log.warning(
            "Campaign %s: an earlier attempt died while sending; %d messages are in doubt and are not sent again.",
            campaign,
            doubted,
        )
    if folded:
        log.info("%d delivery reports were folded first.", folded)


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


def _wait_for_others(engine: sa.Engine, attempt: Attempt) -> None:
    """Wait for the requests of other attempts: until they are settled, or until their lease runs out."""
    while seconds := seconds_until_others_end(engine, attempt):
        log.info(
            "Campaign %s: another attempt has requests under way; waiting up to %d s for it or its lease to end.",
            attempt.campaign.name,
            math.ceil(seconds),
        )
        time.sleep(min(seconds, _SECONDS_BETWEEN_LOOKS_AT_OTHERS))
        _log_what_was_taken_over(attempt.campaign.name, bury_dead_attempts(engine, attempt.campaign), 0)


def _list(
    chunks: Iterable[Chunk], template: Template, settings: SendSettings, tally: Tally, plan: PlanHash
) -> Iterator[Sequence[ListedRecipient]]:
    """Read the chunks; where a plan had to be approved, all of them before the first one is given out."""
    if settings.approved_plan is None:
        return list_chunks(chunks, template, settings, tally)
    return hold_until_approved(list_chunks(chunks, template, settings, tally, plan), plan, settings.approved_plan)


def _require_settled(
    funnel: Funnel, own: Mapping[MessageState, int], settings: SendSettings, stopped_by: RcsError | None
) -> None:
    """Fail for what is not settled of the attempt's own shard; others fail for theirs."""
    planned, in_doubt = own[MessageState.PLANNED], own[MessageState.IN_DOUBT]
    of_shard = f" of shard {settings.selection.shard_name}" if settings.selection.is_shard else ""
    if stopped_by is not None:
        stopped = f"Campaign {settings.campaign!r} stopped: {told(funnel)}; {planned}{of_shard} are left for a retry."
        if isinstance(stopped_by, RcsOutcomeUnknown):
            # A call whose reply was lost must not be made again, but the campaign is worth a retry.
            raise RcsStoppedError(f"{stopped} {RcsStoppedError.remedy} The last reply was lost: {stopped_by}")
        stopped_by.add_note(stopped)
        raise stopped_by
    if planned:
        log.warning(
            "Campaign %s: %d recipients are planned still, because they are not on this list or another task has them.",
            settings.campaign,
            planned,
        )
    if in_doubt and settings.on_in_doubt == "fail":
        raise RcsInDoubtError(
            f"campaign {settings.campaign!r}: {in_doubt} messages{of_shard} are in doubt and are not sent again "
            f"({told(funnel)}). Delivery reports settle them: retry when reports have come; "
            "or settle them by hand: airflow-rcs resolve"
        )
    if in_doubt:
        log.warning(
            "Campaign %s: %d messages%s are in doubt; the sensor waits for them.", settings.campaign, in_doubt, of_shard
        )
