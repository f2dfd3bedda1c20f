"""The claims of one attempt: batches of planned messages whose requests have not been dispatched yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.sending.threads import start
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, claim_left_over
from airflow_provider_rcs.store.outbox.settlement import requeue_unsent

MOST_TOGETHER = 4
"""The most batches claimed in one transaction, which holds the campaign's lock: dispatches and settlements wait."""

# While the service takes no more requests, claims may wait for minutes, and people opt out meanwhile.
_SECONDS_TO_HOLD = 30.0


@dataclass
class Claimer:
    """Claims the next batches of an attempt's list, in its order, by a thread of its own and ahead of their requests.

    :param batch_size: the most recipients of one request.
    :param frequency_cap: how often a phone may be messaged, over all campaigns; ``None`` for no cap.
    :param ready: the claims whose requests can be dispatched next.
    :param claiming: the transaction that runs, or has ended and :meth:`finish` has not seen it.
    :param is_at_end: whether no message was planned behind the last claim.
    """

    engine: sa.Engine
    attempt: Attempt
    batch_size: int
    frequency_cap: FrequencyCap | None
    ready: list[Claim] = field(default_factory=list)
    claiming: Future[Sequence[Claim]] | None = None
    is_at_end: bool = False
    _last_message_id: int = 0
    _covers_list: bool = True
    _is_confirming: bool = False

    @property
    def has_found_nothing(self) -> bool:
        """Return whether no message of the whole list was planned when :meth:`start_over` was called."""
        return self.is_at_end and self._covers_list

    def start(self, requests: int) -> None:
        """Start claiming the next batches, for at most ``requests`` requests, unless a transaction runs already."""
        if requests > 0 and self.claiming is None:
            arguments = (self.engine, self.attempt, self.batch_size, self.frequency_cap)
            together = min(requests, MOST_TOGETHER)
            if self._is_confirming:
                claim = partial(claim_left_over, *arguments, requests=together)
            else:
                claim = partial(claim_batches, *arguments, requests=together, after=self._last_message_id)
            self.claiming = start(claim, "rcs-claim")

    def finish(self) -> None:
        """Make the claims of the transaction ready; wait for it if it still runs.

        :raises RcsFencedError: if the attempt has lost its lease.
        :raises RcsCancelledError: if the campaign was cancelled.
        """
        claiming, self.claiming = self.claiming, None
        if claiming is None:
            return
        claims = claiming.result()
        if claims:
            self.ready += claims
            self._last_message_id = claims[-1].message_ids[-1]
            self._covers_list = self._is_confirming = False
        self.is_at_end = not claims or claims[-1].is_last

    def start_over(self) -> None:
        """Go back to the start of the list, because messages before the last claim may have been planned again.

        Call it while no request is in flight and no reply is left to settle.
        """
        self._is_confirming = not self._covers_list
        self._last_message_id = 0
        self.is_at_end = False
        self._covers_list = True

    def requeue_all(self) -> None:
        """Return the messages of the ready claims, and of those being claimed, to planned; they are claimed next."""
        try:
            self.finish()
        finally:
            self.requeue_ready()

    def requeue_old(self) -> bool:
        """Do the same if the first ready claim is old, so that suppressions and caps are checked again.

        :return: whether it is.
        """
        is_old = bool(self.ready) and time.monotonic() > self.ready[0].claimed_at + _SECONDS_TO_HOLD
        if is_old:
            self.requeue_all()
        return is_old

    def requeue_ready(self) -> None:
        """Return the messages of the ready claims to planned; they are claimed next."""
        if self.ready:
            requeue_unsent(self.engine, self.ready)
            self.go_back_to(self.ready[0])
            self.ready = []

    def go_back_to(self, claim: Claim) -> None:
        """Have the messages of a claim, which are planned again, claimed before those that follow them."""
        self._last_message_id = min(self._last_message_id, claim.message_ids[0] - 1)
        self.is_at_end = self._covers_list = False
