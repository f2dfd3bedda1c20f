"""An attempt at a campaign: begun once what became of earlier ones is taken in, and over once the others have ended."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError, RcsFencedError, RcsStoreUnavailable
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.sender import Sender, ServiceConnection
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import Campaign, require_not_restored
from airflow_provider_rcs.store.campaign.cancellations import require_not_cancelled
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.outbox.attempts import WHOLE_LIST, Attempt, begin_attempt, end_attempt, renew_lease
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts, seconds_until_other_attempts_end

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
    _log_what_was_taken_over(campaign.name, recover_dead_attempts(engine, campaign), fold(engine))
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
    engine: sa.Engine, attempt: Attempt, settings: SendSettings, service: ServiceConnection, listed: int
) -> RcsError | None:
    """Send to those who are planned, and wait for what other attempts have under way.

    :param listed: how many recipients there are, for people.
    :return: what stopped it, or ``None``.
    """
    requests = Sender(
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
    while seconds := seconds_until_other_attempts_end(engine, attempt):
        log.info(
            "Campaign %s: another attempt has requests under way; waiting up to %d s for it or its lease to end.",
            attempt.campaign.name,
            math.ceil(seconds),
        )
        time.sleep(min(seconds, _SECONDS_BETWEEN_LOOKS_AT_OTHERS))
        _log_what_was_taken_over(attempt.campaign.name, recover_dead_attempts(engine, attempt.campaign), 0)
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


_RENEWALS_A_LEASE = 3


class LeaseKeeper:
    """Renews the lease until the block ends; stops by itself once the lease is lost."""

    def __init__(self, engine: sa.Engine, attempt: Attempt) -> None:
        self._engine = engine
        self._attempt = attempt
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="rcs-lease", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        pause = self._attempt.lease.total_seconds() / _RENEWALS_A_LEASE
        while not self._over.wait(pause):
            try:
                renew_lease(self._engine, self._attempt)
            except RcsFencedError:
                return  # The next claim fails on it, in the transaction that would have claimed more.
            except RcsStoreUnavailable as error:
                log.warning("The lease could not be renewed: %s", error)
