"""The RCS service as one attempt at a campaign needs it, shown no credentials that it has refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError, RcsError, RcsOutcomeUnknown, RcsRateLimited
from airflow_provider_rcs.api.models import Recipient, SendRequest, SendResult
from airflow_provider_rcs.api.outcomes import outcomes_of_reply
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.refused_credentials import remember_refusal
from airflow_provider_rcs.store.outbox.settlement import (
    Settlement,
    mark_in_doubt,
    requeue_refused,
    requeue_unsent,
    settle,
)


@dataclass(frozen=True)
class ServiceConnection:
    """The service behind one connection.

    :param send: makes one call that sends, such as :meth:`~airflow_provider_rcs.hooks.rcs.RcsHook.send`.
    :param settings: how the connection says to speak to it.
    :param fingerprint: of the connection's credentials, so that refused ones are known again.
    """

    send: Callable[[SendRequest], SendResult]
    settings: ApiSettings
    fingerprint: str = ""


log = logging.getLogger(__name__)


_FAILURES_IN_A_ROW = 3


_SECONDS_AFTER_A_FAILURE = 1.0


_LONGEST_WAIT_SECONDS = 300.0


@dataclass
class Sender:
    """The requests of one attempt: claimed, let leave, under way, replied to, settled.

    :param service: the service, as this attempt speaks to it.
    :param batch_size: the most recipients of one request.
    :param progress: is told of each request that ended.
    """

    engine: sa.Engine
    attempt: Attempt
    settings: SendSettings
    batch_size: int
    service: ServiceConnection
    progress: Progress
    _claimed_up_to: int = 0
    _ready: list[Claim] = field(default_factory=list)
    _under_way: dict[Future[SendResult], Claim] = field(default_factory=dict)
    _replies: list[tuple[Claim, SendResult]] = field(default_factory=list)
    _being_settled: Future[Sequence[Settlement]] | None = None
    _failures: int = 0
    _proven: bool = False
    _stopped_by: RcsError | None = None
    _not_before: float = 0.0

    def send_all(self) -> RcsError | None:
        """Send until nothing is planned any more, or until something says to stop.

        :return: what stopped it, or ``None``; the rest of the list is planned still.
        :raises RcsFencedError: if the attempt has lost its lease.
        :raises RcsAuthError: if another task found the credentials refused in the meantime.
        :raises RcsStoreUnavailable: if the store failed.
        """
        with (
            ThreadPoolExecutor(self.settings.max_in_flight, thread_name_prefix="rcs-send") as pool,
            # Replies are put into the books while the next requests are under way.
            ThreadPoolExecutor(1, thread_name_prefix="rcs-settle") as books,
        ):
            try:
                while True:
                    self._let_some_leave(pool)
                    self._settle_some(books)
                    self._claim_ahead()
                    if self._may_leave():
                        continue
                    if not self._is_busy():
                        break
                    self._wait_for_some()
            finally:
                self._give_back_what_has_not_left()
                self._settle_what_has_left(books)
        return self._stopped_by

    def _is_busy(self) -> bool:
        return bool(self._under_way or self._replies or self._being_settled)

    def _give_back_what_has_not_left(self) -> None:
        try:
            self._give_back()
        except RcsError as error:
            log.warning(
                "Who was next could not be given back yet; the next attempt does it, after the lease. %s", error
            )

    def _settle_what_has_left(self, books: Executor) -> None:
        """Record the replies that are still to come; whatever stops this task, they are worth it."""
        while self._is_busy():
            try:
                self._settle_some(books)
                self._wait_for_some()
            except RcsError as error:
                # The error that stopped the task is on its way up already, and says more.
                log.warning("A reply could not be recorded; its recipients will be in doubt. %s", error)

    def _claim_ahead(self) -> None:
        """Have as many requests ready as may be in flight, so that each that ends is followed by one at once."""
        missing = self._allowed_in_flight() - len(self._ready)
        if self._stopped_by is not None or missing <= 0:
            return
        claims = self._claim_behind(self._claimed_up_to, missing)
        if not claims and self._claimed_up_to and not (self._ready or self._is_busy()):
            # In the end from the beginning: someone before the last claim may have been planned again since.
            claims = self._claim_behind(0, missing)
        if claims:
            self._ready += claims
            self._claimed_up_to = claims[-1].message_ids[-1]

    def _claim_behind(self, last: int, requests: int) -> Sequence[Claim]:
        return claim_batches(
            self.engine,
            self.attempt,
            self.batch_size,
            self.settings.frequency_cap,
            requests=requests,
            after=last,
        )

    def _may_leave(self) -> bool:
        return bool(self._ready) and self._free() > 0

    def _free(self) -> int:
        """Return how many more requests may leave now."""
        if self._stopped_by is not None:
            return 0
        free = self._allowed_in_flight() - len(self._under_way)
        if self._being_settled is not None:
            # Whoever waits for the books counts as in flight, so that not many are in doubt if the process is killed.
            free -= len(self._replies)
        return max(free, 0)

    def _allowed_in_flight(self) -> int:
        # Until one request has gone well, one at a time: wrong credentials must not be shown to the service twice.
        return self.settings.max_in_flight if self._proven else 1

    def _let_some_leave(self, pool: ThreadPoolExecutor) -> None:
        free = self._free()
        if not free:
            return
        time.sleep(max(self._not_before - time.monotonic(), 0.0))
        leaving = self._ready[:free]
        if not leaving:
            return
        dispatch_claims(self.engine, self.attempt, leaving, self.service.fingerprint)
        for claim in leaving:
            request = build_request(self.attempt.campaign.terms, self.settings, claim.recipients, claim.reference)
            # Before it leaves, because those that are ready are given back whatever happens.
            self._ready.remove(claim)
            self._under_way[pool.submit(self.service.send, request)] = claim

    def _give_back(self) -> None:
        """Have those planned again whose requests are ready, and have not left."""
        if self._ready:
            requeue_unsent(self.engine, self._ready)
            self._claimed_up_to = min(self._claimed_up_to, self._ready[0].message_ids[0] - 1)
            self._ready = []

    def _wait_for_some(self) -> None:
        """Wait for a reply, or for the books, and take in what has ended."""
        settling = self._being_settled
        awaited: list[Future[Any]] = [*self._under_way, *filter(None, [settling])]
        done, _ = wait(awaited, return_when=FIRST_COMPLETED)
        for future in self._under_way.keys() & done:
            self._take(self._under_way.pop(future), future)
        if settling is not None and settling in done:
            self._finish_settling(settling)

    def _take(self, claim: Claim, future: Future[SendResult]) -> None:
        error = future.exception()
        if error is None:
            self._replies.append((claim, future.result()))
            self._failures = 0
            self._proven = True
        elif isinstance(error, RcsError) and error.nothing_sent:
            self._release(claim, error)
        else:
            self._doubt(claim, error)

    def _settle_some(self, books: Executor) -> None:
        """Have the replies that have come put into the books, once those before are there."""
        if self._replies and self._being_settled is None:
            self._being_settled = books.submit(self._record, self._replies)
            self._replies = []

    def _record(self, replies: Sequence[tuple[Claim, SendResult]]) -> Sequence[Settlement]:
        settlements = [
            Settlement(claim, outcomes_of_reply(claim.recipients.phones, result), result.api_campaign_id)
            for claim, result in replies
        ]
        settle(self.engine, settlements)
        return settlements

    def _finish_settling(self, settled: Future[Sequence[Settlement]]) -> None:
        """Take in that replies are in the books.

        :raises RcsStoreUnavailable: if they could not be put there.
        """
        self._being_settled = None
        for settlement in settled.result():
            self.progress.settled(settlement.outcomes)

    def _release(self, claim: Claim, error: RcsError) -> None:
        requeue_refused(self.engine, claim, str(error))
        # They are the next ones again, before those who were claimed ahead.
        self._give_back()
        self._claimed_up_to = min(self._claimed_up_to, claim.message_ids[0] - 1)
        log.warning("A request for %d recipients was refused; they stay planned. %s", len(claim.recipients), error)
        if isinstance(error, RcsAuthError):
            remember_refusal(self.engine, self.attempt.campaign.name, self.service.fingerprint)
        self._note_failure(error)

    def _doubt(self, claim: Claim, error: BaseException) -> None:
        doubted = mark_in_doubt(self.engine, claim, str(error) if isinstance(error, RcsError) else type(error).__name__)
        self.progress.doubted(doubted)
        log.warning("The reply to a request for %d recipients was lost: they are in doubt. %s", doubted, error)
        if isinstance(error, RcsOutcomeUnknown):
            self._note_failure(error)
        else:
            raise error

    def _note_failure(self, error: RcsError) -> None:
        self._failures += 1
        if (error.nothing_sent and not error.retry_may_help) or self._failures >= _FAILURES_IN_A_ROW:
            self._stopped_by = self._stopped_by or error
            return
        asked = error.retry_after if isinstance(error, RcsRateLimited) else None
        pause = min(asked or _SECONDS_AFTER_A_FAILURE * 2 ** (self._failures - 1), _LONGEST_WAIT_SECONDS)
        self._not_before = time.monotonic() + pause


def build_request(
    terms: CampaignTerms, settings: SendSettings, recipients: Sequence[Recipient], reference: str
) -> SendRequest:
    """Return the request that sends a campaign to some of its recipients."""
    return SendRequest(
        template_id=terms.template_id,
        recipients=recipients,
        campaign_reference=reference,
        agent=terms.agent,
        send_at=settings.send_at,
        quiet_hours=settings.quiet_hours,
        request_reports=settings.request_reports,
    )
