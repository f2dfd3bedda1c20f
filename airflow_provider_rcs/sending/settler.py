"""The replies of one attempt, recorded in the store by a thread of its own while the next requests are in flight."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, SendResult
from airflow_provider_rcs.api.outcomes import outcomes_of_reply
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.threads import call_here, start
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle


@dataclass
class Settler:
    """Settles the replies that have come, all of them in one transaction, one transaction at a time.

    :param progress: counts the outcomes that are settled.
    :param replies: those that no transaction has taken yet.
    :param settling: the transaction that runs, or has ended and :meth:`finish` has not seen it.
    """

    engine: sa.Engine
    progress: Progress
    replies: list[tuple[Claim, SendResult]] = field(default_factory=list)
    settling: Future[Sequence[Settlement]] | None = None

    @property
    def is_busy(self) -> bool:
        """Return whether replies are left to settle."""
        return bool(self.replies or self.settling)

    @property
    def backlog(self) -> int:
        """Return how many replies wait for the transaction that runs."""
        return 0 if self.settling is None else len(self.replies)

    def add(self, claim: Claim, reply: SendResult) -> None:
        """Add a reply, to be settled with the next transaction."""
        self.replies.append((claim, reply))

    def settle_now(self, claim: Claim, reply: SendResult) -> Sequence[Outcome]:
        """Settle a reply by itself, before anything that follows from it, and return its outcomes.

        :raises RcsStoreUnavailable: if it could not be committed.
        """
        (settlement,) = self._settle([(claim, reply)])
        self.progress.settled(settlement.outcomes)
        return settlement.outcomes

    def start(self) -> None:
        """Start settling the replies that have come, unless a transaction runs already."""
        if self.replies and self.settling is None:
            call = partial(self._settle, self.replies)
            self.replies = []
            try:
                self.settling = start(call, "rcs-settle")
            except RuntimeError:
                # What the service has answered is recorded, even where no thread can be started.
                self.settling = call_here(call)

    def finish(self) -> None:
        """Count the outcomes that the transaction has settled, once it has ended.

        :raises RcsStoreUnavailable: if it could not be committed.
        """
        settling, self.settling = self.settling, None
        for settlement in settling.result() if settling else ():
            self.progress.settled(settlement.outcomes)

    def _settle(self, replies: Sequence[tuple[Claim, SendResult]]) -> Sequence[Settlement]:
        settlements = [
            Settlement(
                claim,
                outcomes_of_reply(claim.phones, reply),
                reply.api_campaign_id,
                "" if reply.refused is None else str(reply.refused),
            )
            for claim, reply in replies
        ]
        settle(self.engine, settlements)
        return settlements
