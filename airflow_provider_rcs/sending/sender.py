"""The sender of one attempt, which keeps as many requests in flight as the task allows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsError,
    RcsOutcomeUnknown,
    RcsRateLimited,
    RcsTaskStoppedError,
)
from airflow_provider_rcs.api.models import Recipient, SendRequest, SendResult, Template
from airflow_provider_rcs.api.outcomes import refusal_of
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.claimer import MOST_TOGETHER, Claimer
from airflow_provider_rcs.sending.pace import PATIENCE_SECONDS, Pace
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.sending.settler import Settler
from airflow_provider_rcs.sending.stopping import SECONDS_BETWEEN_LOOKS, Stop, Withdrawable
from airflow_provider_rcs.sending.threads import start
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, dispatch_claims
from airflow_provider_rcs.store.outbox.refused_credentials import remember_refusal
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt, requeue_refused

log = logging.getLogger(__name__)

_FAILURES_IN_A_ROW = 3
_SECONDS_AFTER_A_FAILURE = 1.0
# Shorter pauses between requests are how a limited send goes, and not worth a line in the log.
_SECONDS_WORTH_A_LINE = 5.0


class RcsService(Withdrawable, Protocol):
    """The RCS service behind one connection, which :class:`~airflow_provider_rcs.hooks.rcs.RcsHook` calls."""

    @property
    def settings(self) -> ApiSettings: ...

    @property
    def credentials_fingerprint(self) -> str: ...

    @property
    def account(self) -> str: ...

    @property
    def rcs_conn_id(self) -> str: ...

    def get_template(self, template_id: str, *, fresh: bool = False) -> Template: ...

    def get_credits(self) -> float: ...

    def send(self, request: SendRequest) -> SendResult: ...


@dataclass(frozen=True, slots=True)
class Departure:
    """A request in flight.

    :param refusals: how many refusals for too many requests there had been when it left.
    """

    claim: Claim
    refusals: int


@dataclass
class Sender:
    """Sends the planned messages of one attempt: claims batches, dispatches them as requests, and settles the replies.

    :param batch_size: the most recipients of one request.
    :param progress: counts the messages of each request that has ended.
    :param stop: tells whether the task should stop.
    """

    engine: sa.Engine
    attempt: Attempt
    settings: SendSettings
    batch_size: int
    service: RcsService
    progress: Progress
    stop: Stop
    _claimer: Claimer = field(init=False)
    _settler: Settler = field(init=False)
    _pace: Pace = field(init=False)
    _in_flight: dict[Future[SendResult], Departure] = field(default_factory=dict)
    _failures: int = 0
    _stopped_by: RcsError | None = None

    def __post_init__(self) -> None:
        self._claimer = Claimer(self.engine, self.attempt, self.batch_size, self.settings.frequency_cap)
        self._settler = Settler(self.engine, self.progress)
        self._pace = Pace(self.settings.max_in_flight)

    def send_all(self) -> RcsError | None:
        """Send until no message is planned any more, until an error stops the sender, or until the task should stop.

        :return: the error that stopped it, or ``None``; messages that were not sent stay planned.
        :raises RcsFencedError: if the attempt has lost its lease.
        :raises RcsAuthError: if another task found the credentials refused in the meantime.
        :raises RcsStoreUnavailable: if the store failed.
        """
        self._claimer.start_over()
        try:
            while self._has_more():
                self._dispatch_ready()
                self._settler.start()
                self._claim_ahead()
                self._wait()
        finally:
            # Those being claimed last: this may wait for a lock that no settlement needs.
            self._requeue(self._claimer.requeue_ready)
            self._settle_all()
            self._requeue(self._claimer.requeue_all)
        if self._stopped_by is None and not self._claimer.has_found_nothing:
            return RcsTaskStoppedError(self.attempt.campaign.name, f"with {self.progress.describe()}")
        return self._stopped_by

    @property
    def _is_stopped(self) -> bool:
        return self._stopped_by is not None or self.stop.is_requested

    def _has_more(self) -> bool:
        if self.stop.is_requested:
            return False
        return self._is_busy() or (self._stopped_by is None and not self._claimer.has_found_nothing)

    def _dispatch_ready(self) -> None:
        """Dispatch as many of the ready claims as the pace allows now."""
        while claims := self._claimer.ready[: self._free_slots()]:
            if self._seconds_to_wait() > 0 or self._claimer.requeue_old():
                return
            claims = claims[: self._pace.most_at_once]
            dispatch_claims(self.engine, self.attempt, claims, self.service.credentials_fingerprint)
            for claim in claims:
                if self.stop.is_requested:
                    return  # They are still ready, and requeued.
                request = build_request(self.attempt.campaign.terms, self.settings, claim.recipients, claim.reference)
                # Removed before the request leaves, because what is still ready at the end is requeued in any case.
                self._claimer.ready.remove(claim)
                departure = Departure(claim, self._pace.leave(time.monotonic()))
                self._in_flight[self._send(claim, request)] = departure

    def _send(self, claim: Claim, request: SendRequest) -> Future[SendResult]:
        try:
            return start(partial(self.service.send, request), "rcs-send")
        except RuntimeError:
            # It has not left and will not, so it is requeued like those that are still ready.
            self._claimer.ready.insert(0, claim)
            raise

    def _claim_ahead(self) -> None:
        claimer = self._claimer
        if self._is_stopped:
            return
        if claimer.is_at_end and not claimer.ready and not self._is_busy():
            claimer.start_over()
        if not claimer.is_at_end:
            claimer.start(self._batches_to_claim())

    def _batches_to_claim(self) -> int:
        wanted, ready = self._pace.claims_ahead, len(self._claimer.ready)
        # Where requests could leave now, those that follow them are claimed afterwards.
        if (due := self._free_slots() - ready) > 0:
            return due
        # Until the first reply, everything for the wide start; then some together, which costs less than one by one.
        is_worth_it = wanted > self._pace.width or wanted - ready >= min(MOST_TOGETHER, (wanted + 1) // 2)
        return wanted - ready if is_worth_it else 0

    def _wait(self) -> None:
        """Wait until a request, a claim or a settlement has ended, or the next request may leave; process what has."""
        claiming = self._claimer.claiming
        done = self._wait_for_replies(claiming)
        if claiming in done:
            self._claimer.finish()

    def _wait_for_replies(self, claiming: Future[Any] | None = None) -> Set[Future[Any]]:
        """Wait like :meth:`_wait`, process the replies and settlements that have come, and return all that has ended.

        :param claiming: the claim to wait for as well.
        """
        seconds = SECONDS_BETWEEN_LOOKS
        if is_paused := bool(self._claimer.ready and self._free_slots()):
            seconds = min(max(self._seconds_to_wait(), 0.0), seconds)
        settling = self._settler.settling
        awaited: list[Future[Any]] = [*self._in_flight]
        awaited += [each for each in (claiming, settling) if each is not None]
        if not awaited:
            time.sleep(seconds if is_paused else 0.0)
            return set()
        done, _ = wait(awaited, seconds, return_when=FIRST_COMPLETED)
        for future in self._in_flight.keys() & done:
            self._process(self._in_flight.pop(future), future)
        if settling in done:
            self._settler.finish()
        return done

    def _process(self, departure: Departure, future: Future[SendResult]) -> None:
        error = future.exception()
        if error is None:
            self._process_reply(departure, future.result())
        elif isinstance(error, RcsError) and error.nothing_sent:
            requeue_refused(self.engine, departure.claim, str(error))
            self._follow_refusal(departure, error)
        else:
            self._mark_in_doubt(departure.claim, error)

    def _process_reply(self, departure: Departure, reply: SendResult) -> None:
        if reply.refused is not None:
            # Before the refusal can stop anything: what it says of the recipients must not be lost with the attempt.
            outcomes = self._settler.settle_now(departure.claim, reply)
            if refused := refusal_of(reply, outcomes):
                self._follow_refusal(departure, refused)
                return
        else:
            self._settler.add(departure.claim, reply)
        self._failures = 0
        self._pace.accepted(departure.refusals, time.monotonic())

    def _follow_refusal(self, departure: Departure, error: RcsError) -> None:
        """Go on after a refusal whose messages are requeued or settled: with them, later, or not at all."""
        if isinstance(error, RcsAuthError):
            remember_refusal(self.engine, self.attempt.campaign.name, self.service.credentials_fingerprint)
        # The refused messages are next, before those that were claimed ahead.
        self._claimer.requeue_all()
        self._claimer.go_back_to(departure.claim)
        if isinstance(error, RcsRateLimited):
            self._slow_down(departure, error)
            return
        log.warning(
            "Campaign %s: a request for %d recipients was refused; those that were not sent to stay planned. %s",
            self.attempt.campaign.name,
            len(departure.claim.recipients),
            error,
        )
        self._count_failure(error)

    def _slow_down(self, departure: Departure, error: RcsRateLimited) -> None:
        now = time.monotonic()
        is_new = self._pace.limited(departure.refusals, error.retry_after, now)
        seconds = self._pace.not_before - now
        if self._pace.is_out_of_patience:
            self._stopped_by = self._stopped_by or RcsRateLimited(
                f"{error} The next request should wait {seconds:.0f} seconds; a task waits for at most "
                f"{PATIENCE_SECONDS:.0f} seconds after the last request that was accepted.",
                error.retry_after,
            )
        elif is_new:
            log.log(
                logging.WARNING if seconds >= _SECONDS_WORTH_A_LINE else logging.DEBUG,
                "Campaign %s: the service takes no more requests for now; the next one leaves in %.1f s. %s",
                self.attempt.campaign.name,
                seconds,
                error,
            )

    def _mark_in_doubt(self, claim: Claim, error: BaseException) -> None:
        reason = str(error) if isinstance(error, RcsError) else type(error).__name__
        in_doubt = mark_in_doubt(self.engine, claim, reason)
        self.progress.in_doubt(in_doubt)
        log.warning(
            "Campaign %s: the reply to a request was lost; its %d messages are in doubt. %s",
            self.attempt.campaign.name,
            in_doubt,
            error,
        )
        if not isinstance(error, RcsOutcomeUnknown):
            raise error
        self._count_failure(error)

    def _count_failure(self, error: RcsError) -> None:
        """Stop after this error, or pause before the next request."""
        self._failures += 1
        is_final = not isinstance(error, RcsOutcomeUnknown) and not error.retry_may_help
        if is_final or (self._failures >= _FAILURES_IN_A_ROW and not self.stop.is_requested):
            self._stopped_by = self._stopped_by or error
            return
        self._pace.pause(_SECONDS_AFTER_A_FAILURE * 2 ** (self._failures - 1), time.monotonic())

    def _requeue(self, requeue: Callable[[], None]) -> None:
        try:
            requeue()
        except RcsError as error:
            log.warning(
                "Campaign %s: batches claimed ahead could not be requeued; the next attempt does it when this one's "
                "lease has ended. %s",
                self.attempt.campaign.name,
                error,
            )

    def _settle_all(self) -> None:
        """Settle the replies that are still to come, whatever stopped the sender."""
        while self._is_busy():
            try:
                self._settler.start()
                self._wait_for_replies()
            except RcsError as error:
                # The error that stopped the sender is being raised already, and says more.
                log.warning(
                    "Campaign %s: a reply could not be recorded; its recipients will be in doubt. %s",
                    self.attempt.campaign.name,
                    error,
                )

    def _is_busy(self) -> bool:
        return bool(self._in_flight) or self._settler.is_busy

    def _free_slots(self) -> int:
        """Return how many more requests may be in flight now."""
        if self._is_stopped:
            return 0
        # Replies that wait to be settled count as in flight: if the process is killed, these messages are in doubt.
        return max(self._pace.width - len(self._in_flight) - self._settler.backlog, 0)

    def _seconds_to_wait(self) -> float:
        return self._pace.not_before - time.monotonic()


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
