"""One attempt at a campaign, from its list to its counts."""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError, RcsInDoubtError, RcsOutcomeUnknown, RcsStoppedError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.sending.lease_keeper import LeaseKeeper
from airflow_provider_rcs.sending.listing import Chunk, Tally, excluded_phones, list_chunks
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.requests import PlannedRequests
from airflow_provider_rcs.sending.service import Service
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.attempts import Attempt, begin_attempt, end_attempt
from airflow_provider_rcs.store.campaigns import Campaign, CampaignTerms, find_campaign, open_campaign
from airflow_provider_rcs.store.claims import api_campaign_ids, has_planned
from airflow_provider_rcs.store.folding import fold, fold_parked
from airflow_provider_rcs.store.funnel import Funnel, read_funnel
from airflow_provider_rcs.store.planning import record_list
from airflow_provider_rcs.store.restored import require_not_restored
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
    :raises RcsInDoubtError: if messages are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: what made it stop; what was not sent then is planned still.
    """
    tally = Tally()
    listed = list_chunks(chunks, template, settings, tally)
    # The first chunk is read before anything is kept: it shows a column that is missing, and a list that is empty.
    first = next(listed, [])
    tally.require_rows()
    terms = CampaignTerms(template.id, template.name, settings.agent or service.settings.agent, settings.send_at)
    if find_campaign(engine, settings.campaign) is None:
        settings.require_date_to_come()
    campaign = open_campaign(engine, settings.campaign, terms, service.settings.status_codes)
    require_not_restored(engine, campaign)
    _log_what_was_taken_over(settings.campaign, bury_dead_attempts(engine, campaign), fold(engine))
    before = _counts(engine, settings.campaign)
    attempt = begin_attempt(engine, campaign, f"{made_by} on {socket.gethostname()}, process {os.getpid()}", lease)
    with LeaseKeeper(engine, attempt):
        try:
            _exclude(engine, campaign, settings, excluded)
            _plan(engine, attempt, settings, tally, chain([first], listed))
            _log_what_is_known(before, tally.rows, settings)
            requests = PlannedRequests(
                engine,
                attempt,
                settings,
                settings.batch_size or service.settings.batch_size,
                service,
                Progress(settings.campaign, tally.rows),
            )
            stopped_by = requests.send_all()
            _wait_for_others(engine, attempt)
        finally:
            end_attempt(engine, attempt)
    fold_parked(engine)
    funnel = _counts(engine, settings.campaign)
    log.info("Campaign %s: %s", settings.campaign, _told(funnel))
    _require_settled(funnel, settings, stopped_by)
    return {
        "campaign": settings.campaign,
        **funnel.as_dict(),
        "api_campaign_ids": api_campaign_ids(engine, campaign.id),
    }


def _plan(
    engine: sa.Engine,
    attempt: Attempt,
    settings: SendSettings,
    tally: Tally,
    chunks: Iterable[Sequence[ListedRecipient]],
) -> None:
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


def _exclude(
    engine: sa.Engine, campaign: Campaign, settings: SendSettings, excluded: Iterable[Sequence[object]]
) -> None:
    """Note who must not be messaged, before anyone is listed who could be claimed."""
    for phones in excluded_phones(excluded, settings.default_region):
        exclude(engine, campaign, sorted(phones))


def _log_what_was_taken_over(campaign: str, doubted: int, folded: int) -> None:
    if doubted:
        log.warning(
            "Campaign %s: an earlier attempt died while sending; %d messages are in doubt and are not sent again.",
            campaign,
            doubted,
        )
    if folded:
        log.info("%d delivery reports were folded first.", folded)


def _log_what_is_known(before: Funnel, listed: int, settings: SendSettings) -> None:
    if before.requested:
        log.info(
            "Campaign %s goes on: %d recipients are listed now; of the %d that it knew before, %d are accepted already "
            "and are not sent again.",
            settings.campaign,
            listed,
            before.requested,
            before.states[MessageState.ACCEPTED],
        )
    else:
        log.info("Campaign %s begins: %d recipients are listed.", settings.campaign, listed)
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


def _counts(engine: sa.Engine, campaign: str) -> Funnel:
    funnel = read_funnel(engine, campaign)
    if funnel is None:
        raise LookupError(campaign)
    return funnel


def _told(funnel: Funnel) -> str:
    return ", ".join(
        [f"{funnel.requested} requested", *(f"{count} {state}" for state, count in funnel.states.items() if count)]
    )


def _require_settled(funnel: Funnel, settings: SendSettings, stopped_by: RcsError | None) -> None:
    if stopped_by is not None:
        planned = funnel.states[MessageState.PLANNED]
        stopped = f"Campaign {settings.campaign!r} stopped: {_told(funnel)}; {planned} are left for a retry."
        if isinstance(stopped_by, RcsOutcomeUnknown):
            # A call whose reply was lost must not be made again, but the campaign is worth a retry.
            raise RcsStoppedError(f"{stopped} {RcsStoppedError.remedy} The last reply was lost: {stopped_by}")
        stopped_by.add_note(stopped)
        raise stopped_by
    if planned := funnel.states[MessageState.PLANNED]:
        log.warning(
            "Campaign %s: %d recipients are planned still, because they are not on this list or another task has them.",
            settings.campaign,
            planned,
        )
    in_doubt = funnel.states[MessageState.IN_DOUBT]
    if in_doubt and settings.on_in_doubt == "fail":
        raise RcsInDoubtError(
            f"campaign {settings.campaign!r}: {in_doubt} messages are in doubt and are not sent again "
            f"({_told(funnel)}). Delivery reports settle them: retry when reports have come; "
            "or settle them by hand: airflow-rcs resolve"
        )
    if in_doubt:
        log.warning("Campaign %s: %d messages are in doubt; the sensor waits for them.", settings.campaign, in_doubt)
