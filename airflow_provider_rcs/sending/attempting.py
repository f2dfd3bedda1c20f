"""An attempt at a campaign: begun once what became of earlier ones is taken in, and over once the others have ended."""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.sending.lease_keeper import LeaseKeeper
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.requests import PlannedRequests
from airflow_provider_rcs.sending.service import Service
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.attempts import WHOLE_LIST, Attempt, begin_attempt, end_attempt
from airflow_provider_rcs.store.campaigns import Campaign
from airflow_provider_rcs.store.cancellations import require_not_cancelled
from airflow_provider_rcs.store.engine import reading
from airflow_provider_rcs.store.folding import fold
from airflow_provider_rcs.store.restored import require_not_restored
from airflow_provider_rcs.store.takeover import bury_dead_attempts, seconds_until_others_end

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS_AT_OTHERS = 2.0


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
    while _has_waited_for_others(engine, attempt) and stopped_by is None:
        # For what they gave back, or what the dead of them had not let leave.
        stopped_by = requests.send_all()
    return stopped_by


def _has_waited_for_others(engine: sa.Engine, attempt: Attempt) -> bool:
    """Wait for the requests of other attempts: until they are settled, or until their lease runs out.

    :return: whether there were any.
    """
    waited = False
    while seconds := seconds_until_others_end(engine, attempt):
        log.info(
            "Campaign %s: another attempt has requests under way; waiting up to %d s for it or its lease to end.",
            attempt.campaign.name,
            math.ceil(seconds),
        )
        time.sleep(min(seconds, _SECONDS_BETWEEN_LOOKS_AT_OTHERS))
        _log_what_was_taken_over(attempt.campaign.name, bury_dead_attempts(engine, attempt.campaign), 0)
        waited = True
    return waited


def _log_what_was_taken_over(campaign: str, doubted: int, folded: int) -> None:
    if doubted:
        log.warning(
            "Campaign %s: an earlier attempt died while sending; %d messages are in doubt and are not sent again.",
            campaign,
            doubted,
        )
    if folded:
        log.info("%d delivery reports were folded first.", folded)
