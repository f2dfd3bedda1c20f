"""The claims of one attempt: batches of planned messages whose requests have not been dispatched yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.settlement import requeue_unsent


@dataclass
class Claimer:
    """Claims the next batches of an attempt's list, in its order, ahead of their requests.

    :param batch_size: the most recipients of one request.
    :param frequency_cap: how often a phone may be messaged, over all campaigns; ``None`` for no cap.
    :param ready: the claims whose requests can be dispatched next.
    """

    engine: sa.Engine
    attempt: Attempt
    batch_size: int
    frequency_cap: FrequencyCap | None
    ready: list[Claim] = field(default_factory=list)
    _last_message_id: int = 0

    def claim_ahead(self, wanted: int, *, none_pending: bool) -> None:
        """Claim batches until ``wanted`` of them are ready, so that each request that ends is followed by one at once.

        :param none_pending: whether no request is in flight and no reply is left to settle.
        :raises RcsFencedError: if the attempt has lost its lease.
        :raises RcsCancelledError: if the campaign was cancelled.
        """
        missing = wanted - len(self.ready)
        if missing <= 0:
            return
        claims = self._claim_after(self._last_message_id, missing)
        if not claims and self._last_message_id and none_pending and not self.ready:
            # At the end of the list, start over: messages before the last claim may have been planned again.
            claims = self._claim_after(0, missing)
        if claims:
            self.ready += claims
            self._last_message_id = claims[-1].message_ids[-1]

    def requeue_ready(self) -> None:
        """Return the messages of the ready claims to planned; they are claimed next."""
        if self.ready:
            requeue_unsent(self.engine, self.ready)
            self.go_back_to(self.ready[0])
            self.ready = []

    def go_back_to(self, claim: Claim) -> None:
        """Have the messages of a claim, which are planned again, claimed before those that follow them."""
        self._last_message_id = min(self._last_message_id, claim.message_ids[0] - 1)

    def _claim_after(self, message_id: int, requests: int) -> Sequence[Claim]:
        return claim_batches(
            self.engine, self.attempt, self.batch_size, self.frequency_cap, requests=requests, after=message_id
        )
