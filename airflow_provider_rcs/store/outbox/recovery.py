"""Recovery from dead attempts: dispatched messages become in doubt, claimed ones are requeued."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.engine import reading_once, transaction
from airflow_provider_rcs.store.db.leases import is_dead_at
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.attempts import OPEN_REQUEST_STATES, Attempt, in_shard_of
from airflow_provider_rcs.store.outbox.settlement import IS_OF_REQUEST, mark_request_in_doubt, requeue_unsent_requests

_PROCESS_DIED = "the process that sent it died before the reply was recorded"


def recover_dead_attempts(engine: sa.Engine, campaign: Campaign) -> int:
    """End the campaign's attempts whose lease has expired, and mark the messages that they were sending as in doubt.

    Messages of requests that were claimed but not dispatched are requeued.

    :return: the number of messages that became in doubt.
    """
    in_doubt = 0
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign.id)
        now = database_now(connection)
        are_dead = sa.and_(attempts.c.campaign_id == campaign.id, is_dead_at(now))
        end_dead = attempts.update().where(are_dead).values(ended_at=now).returning(attempts.c.id)
        dead = connection.execute(end_dead).scalars().all()
        dispatched = sa.select(request.c.id).where(request.c.attempt_id.in_(dead), request.c.state == "sending")
        for request_id in connection.execute(dispatched).scalars().all():
            in_doubt += mark_request_in_doubt(connection, request_id, revision, _PROCESS_DIED)
        only_claimed = sa.select(request.c.id).where(request.c.attempt_id.in_(dead), request.c.state == "claimed")
        if to_requeue := connection.execute(only_claimed).scalars().all():
            requeue_unsent_requests(connection, campaign.id, to_requeue, revision)
    return in_doubt


def seconds_until_other_attempts_end(engine: sa.Engine, attempt: Attempt) -> float:
    """Return for how many seconds other attempts may still be sending to recipients of this attempt's shard.

    :return: 0 if no other attempt is sending to any of them.
    """
    concerns_shard = sa.exists().where(IS_OF_REQUEST, in_shard_of(attempt))
    last_lease = (
        sa.select(sa.func.max(attempts.c.lease_until))
        .join(request, request.c.attempt_id == attempts.c.id)
        .where(
            attempts.c.campaign_id == attempt.campaign.id,
            attempts.c.id != attempt.id,
            attempts.c.ended_at.is_(None),
            request.c.state.in_(OPEN_REQUEST_STATES),
            concerns_shard,
        )
    )
    with reading_once(engine) as connection:
        until = connection.execute(last_lease).scalar_one()
        if until is None:
            return 0.0
        # Never 0 here: a lease that expires just now must be waited for and its attempt recovered, not overlooked.
        left: timedelta = until - database_now(connection)
        return max(left.total_seconds(), 0.0) + 0.05
