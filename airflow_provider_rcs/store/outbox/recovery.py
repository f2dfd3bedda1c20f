"""Taking over from attempts that died: what had left becomes in doubt, what had not is planned again."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.store.db.tables import attempt, request
from airflow_provider_rcs.store.outbox.attempts import OPEN_REQUEST_STATES, Attempt, in_shard_of
from airflow_provider_rcs.store.outbox.settlement import IS_OF_REQUEST, mark_request_in_doubt, requeue_unsent_requests

_DIED = "the process that sent it died before the reply was recorded"


def recover_dead_attempts(engine: sa.Engine, campaign: Campaign) -> int:
    """End the campaign's attempts whose lease has run out; what they were sending becomes in doubt.

    Requests that had been claimed, and not been allowed to leave, give their messages back.

    :return: the number of messages that became in doubt.
    """
    doubted = 0
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign.id)
        now = database_now(connection)
        dead = (
            attempt.update()
            .where(attempt.c.campaign_id == campaign.id, attempt.c.ended_at.is_(None), attempt.c.lease_until < now)
            .values(ended_at=now)
            .returning(attempt.c.id)
        )
        attempts = connection.execute(dead).scalars().all()
        open_requests = sa.select(request.c.id).where(request.c.attempt_id.in_(attempts), request.c.state == "sending")
        for request_id in connection.execute(open_requests).scalars().all():
            doubted += mark_request_in_doubt(connection, request_id, revision, _DIED)
        # Of all that have ended: an older version of this program, upgraded while it runs, leaves them as they are.
        never_left = (
            sa.select(request.c.id)
            .join(attempt, attempt.c.id == request.c.attempt_id)
            .where(request.c.campaign_id == campaign.id, request.c.state == "claimed", attempt.c.ended_at.is_not(None))
        )
        if given_back := connection.execute(never_left).scalars().all():
            requeue_unsent_requests(connection, campaign.id, given_back, revision)
    return doubted


def seconds_until_other_attempts_end(engine: sa.Engine, held: Attempt) -> float:
    """Return how long other attempts can hold recipients of this one's shard that they are sending to, in seconds.

    :return: 0 if they hold none.
    """
    concerns = sa.exists().where(IS_OF_REQUEST, in_shard_of(held))
    under_way = (
        sa.select(sa.func.max(attempt.c.lease_until))
        .join(request, request.c.attempt_id == attempt.c.id)
        .where(
            attempt.c.campaign_id == held.campaign.id,
            attempt.c.id != held.id,
            attempt.c.ended_at.is_(None),
            request.c.state.in_(OPEN_REQUEST_STATES),
            concerns,
        )
    )
    with transaction(engine) as connection:
        until = connection.execute(under_way).scalar_one()
        if until is None:
            return 0.0
        # At least a moment, so that a lease that runs out just now is waited out and buried, not passed over.
        left: timedelta = until - database_now(connection)
        return max(left.total_seconds(), 0.0) + 0.05
