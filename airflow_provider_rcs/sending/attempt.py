"""One attempt at a campaign, alive for as long as it renews its lease."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from types import TracebackType

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError, RcsFencedError, RcsStoreUnavailable, RcsTaskStoppedError
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.sender import RcsService, Sender
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.sending.stopping import Stop
from airflow_provider_rcs.sending.threads import start
from airflow_provider_rcs.store.campaign.campaigns import Campaign, require_known
from airflow_provider_rcs.store.campaign.cancellations import cancelled_error
from airflow_provider_rcs.store.inbox.folding import fold_if_possible
from airflow_provider_rcs.store.outbox.attempts import (
    WHOLE_LIST,
    Attempt,
    StartedBy,
    begin_attempt,
    end_attempt,
    renew_lease,
)
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts, seconds_until_other_attempts_end
from airflow_provider_rcs.store.outbox.standing import read_standing

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_POLLS = 2.0
_RENEWALS_PER_LEASE = 3


@contextmanager
def attempt_at(
    engine: sa.Engine, campaign: Campaign, started_by: StartedBy, lease: timedelta, stop: Stop, shard: str = WHOLE_LIST
) -> Iterator[Attempt]:
    """Begin an attempt at a campaign, and end it when the block ends.

    Before it begins, earlier attempts that died are recovered, and delivery reports that wait are folded.

    :param started_by: what makes the attempt.
    :param lease: how long the attempt counts as alive without a renewal.
    :param stop: tells whether the task should stop; then the end of the attempt does not wait long for the store.
    :param shard: the part of the list that it sends to.
    :raises RcsCancelledError: if the campaign was cancelled.
    :raises RcsStoreError: if the store was restored from a backup, and may lack messages that the campaign has sent.
    """
    standing = read_standing(engine, campaign)
    require_known(campaign, standing.unknown_reference)
    if standing.has_dead_attempts:
        _log_recovery(campaign.name, in_doubt=recover_dead_attempts(engine, campaign))
    if folded := fold_if_possible(engine):
        log.info("Folded %d delivery reports that had not been applied yet.", folded)
    if standing.cancellation is not None:
        raise cancelled_error(campaign, standing.cancellation)
    attempt = begin_attempt(engine, campaign, started_by, lease, shard)
    with LeaseKeeper(engine, attempt, stop):
        try:
            with stop.explaining(RcsTaskStoppedError(campaign.name)):
                yield attempt
        finally:
            _end_attempt(engine, attempt, stop)


def _end_attempt(engine: sa.Engine, attempt: Attempt, stop: Stop) -> None:
    if not stop.is_requested:
        end_attempt(engine, attempt)
        return
    try:
        start(partial(end_attempt, engine, attempt), "rcs-end").result(stop.seconds_left)
    except (TimeoutError, RcsError, RuntimeError) as error:
        log.warning(
            "Campaign %s: the attempt could not be ended; a retry may have to wait until its lease of %d s ends. %s",
            attempt.campaign.name,
            attempt.lease.total_seconds(),
            error,
        )


def send_planned(
    engine: sa.Engine,
    attempt: Attempt,
    settings: SendSettings,
    service: RcsService,
    progress: Progress,
    stop: Stop,
) -> RcsError | None:
    """Send the planned messages of the attempt's list, and wait until no other attempt has requests in flight.

    :param progress: counts what has been sent, and shows it.
    :param stop: tells whether the task should stop: then requests that have not left are requeued, and replies are
        waited for as long as Airflow leaves time.
    :return: the error that stopped it, or ``None``.
    """
    sender = Sender(
        engine,
        attempt,
        settings,
        settings.batch_size or service.settings.batch_size,
        service,
        progress,
        stop,
    )
    stopped_by = stop.run(sender.send_all, service, settings.campaign)
    is_stopped = isinstance(stopped_by, RcsTaskStoppedError)
    is_first_wait = True
    while not is_stopped and _wait_for_other_attempts(engine, attempt, stop, is_first_wait) and stopped_by is None:
        is_first_wait = False
        # They may have requeued messages, or died before they dispatched what they had claimed.
        stopped_by = stop.run(sender.send_all, service, settings.campaign)
    return stopped_by


def _wait_for_other_attempts(engine: sa.Engine, attempt: Attempt, stop: Stop, is_first_wait: bool) -> bool:
    """Wait until the requests of other attempts are settled, or the leases of these attempts have run out.

    :param is_first_wait: whether to log that it waits.
    :return: whether there was anything to wait for; it waits no longer than until the task should stop.
    """
    waited = False
    while seconds := seconds_until_other_attempts_end(engine, attempt):
        if stop.is_requested:
            return True
        if is_first_wait and not waited:
            log.warning(
                "Campaign %s: another attempt has requests in flight; waiting for them, or until its lease ends (%d s "
                "from now unless it renews it).",
                attempt.campaign.name,
                math.ceil(seconds),
            )
        stop.sleep(min(seconds, _SECONDS_BETWEEN_POLLS))
        _log_recovery(attempt.campaign.name, in_doubt=recover_dead_attempts(engine, attempt.campaign))
        waited = True
    return waited


def _log_recovery(campaign: str, *, in_doubt: int) -> None:
    if in_doubt:
        log.warning(
            "Campaign %s: an earlier attempt died while sending; %d messages are in doubt and are not sent again.",
            campaign,
            in_doubt,
        )


class LeaseKeeper:
    """Renews an attempt's lease from a thread until the block ends or the lease is lost."""

    def __init__(self, engine: sa.Engine, attempt: Attempt, stop: Stop) -> None:
        self._engine = engine
        self._attempt = attempt
        self._stop = stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="rcs-lease", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(self._stop.seconds_left)

    def _renew(self) -> None:
        pause = self._attempt.lease.total_seconds() / _RENEWALS_PER_LEASE
        while not self._ended.wait(pause):
            try:
                renew_lease(self._engine, self._attempt)
            except RcsFencedError:
                return  # The next claim raises it, before it claims anything.
            except RcsStoreUnavailable as error:
                log.warning("Campaign %s: the lease could not be renewed: %s", self._attempt.campaign.name, error)
