"""Leaving: requests that were claimed are allowed to leave, or give their messages back because they never did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.store.attempts import Attempt, require_lease
from airflow_provider_rcs.store.campaigns import lock_campaign
from airflow_provider_rcs.store.cancellations import require_not_cancelled
from airflow_provider_rcs.store.claims import Claim
from airflow_provider_rcs.store.engine import transaction
from airflow_provider_rcs.store.refused_credentials import require_not_refused
from airflow_provider_rcs.store.tables import request
from airflow_provider_rcs.store.unsent import take_out_of_requests

_NEVER_LEFT = "it never left: its task ended before"


def let_leave(engine: sa.Engine, attempt: Attempt, claims: Sequence[Claim], fingerprint: str = "") -> None:
    """Allow claimed requests to leave, all or none of them.

    This is committed before they leave, so that, if this process dies, the next one finds them in doubt and not unsent.

    :param fingerprint: of the credentials that the requests are made with.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    :raises RcsAuthError: if the service has refused these credentials to this campaign.
    """
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        require_not_refused(connection, attempt.campaign.name, fingerprint)
        leaving = request.c.id.in_([claim.request_id for claim in claims])
        connection.execute(request.update().where(leaving).values(state="sending"))


def give_back(engine: sa.Engine, claims: Sequence[Claim]) -> None:
    """Give the messages of requests back that this process knows not to have left, whatever the store takes them for.

    They are planned again, except those that were erased meanwhile, or whose campaign was cancelled.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claims[0].campaign_id)
        give_back_requests(connection, claims[0].campaign_id, [claim.request_id for claim in claims], revision)


def give_back_requests(connection: sa.Connection, campaign_id: int, request_ids: Sequence[int], revision: int) -> None:
    """Do the same inside a transaction that holds the campaign's lock."""
    take_out_of_requests(connection, campaign_id, request_ids, revision)
    connection.execute(
        request.update()
        .where(request.c.id.in_(request_ids))
        .values(state="unsent", reason=_NEVER_LEFT, settled_at=datetime.now(UTC))
    )
