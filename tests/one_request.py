"""The steps of the ledger with one part of a list and one request at a time, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.outbox import claims, planning, settlement
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.settlement import Settlement


def record_list(engine: sa.Engine, attempt: Attempt, listed: Sequence[ListedRecipient]) -> None:
    planning.record_list(engine, attempt, planning.prepare_list_part(engine, listed))


def claim_batch(engine: sa.Engine, attempt: Attempt, size: int, *given: Any, **named: Any) -> Claim | None:
    """Claim a batch whose request may leave at once."""
    taken = claims.claim_batches(engine, attempt, size, *given, **named)
    if taken:
        claims.dispatch_claims(engine, attempt, taken)
    return next(iter(taken), None)


def settle(engine: sa.Engine, claim: Claim, outcomes: Sequence[Outcome], api_campaign_id: str) -> None:
    settlement.settle(engine, [Settlement(claim, outcomes, api_campaign_id)])
