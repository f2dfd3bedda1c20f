"""Attempts at sending a campaign: a live one is told from a dead one by a lease that it renews."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign
from airflow_provider_rcs.store.db.clock import database_now, sql_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import attempt, message, request, scheduled

WHOLE_LIST = "1/1"


# The states of requests that have no outcome yet.
UNSETTLED = ("claimed", "sending")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process that sends a campaign.

    :param shard: the part of the list that it sends to, such as ``"2/4"``; ``"1/1"`` for all of it.
    """

    id: int
    campaign: Campaign
    lease: timedelta
    shard: str = WHOLE_LIST


def begin_attempt(
    engine: sa.Engine, campaign: Campaign, made_by: str, lease: timedelta, shard: str = WHOLE_LIST
) -> Attempt:
    """Record that a process begins to send the campaign, and give it a lease.

    :param made_by: the task and the process, for people.
    :param lease: how long the attempt counts as alive without renewing.
    :param shard: the part of the list that it sends to.
    """
    with transaction(engine) as connection:
        begun = database_now(connection)
        values = {
            "campaign_id": campaign.id,
            "made_by": made_by,
            "shard": shard,
            "started_at": begun,
            "lease_until": begun + lease,
        }
        attempt_id = connection.execute(attempt.insert().values(values).returning(attempt.c.id)).scalar_one()
    return Attempt(int(attempt_id), campaign, lease, shard)


def renew_lease(engine: sa.Engine, held: Attempt) -> None:
    """Say that the attempt is alive.

    :raises RcsFencedError: if its lease had run out, so that it may have been taken for dead.
    """
    with transaction(engine) as connection:
        require_lease(connection, held.id)
        until = database_now(connection) + held.lease
        connection.execute(attempt.update().where(attempt.c.id == held.id).values(lease_until=until))


def end_attempt(engine: sa.Engine, held: Attempt) -> None:
    """Record that the attempt is over.

    One that leaves requests without an outcome is not ended: its lease runs out, and whoever finds that settles them.
    """
    under_way = sa.exists().where(request.c.attempt_id == held.id, request.c.state.in_(UNSETTLED))
    with transaction(engine) as connection:
        connection.execute(
            attempt.update()
            .where(attempt.c.id == held.id, attempt.c.ended_at.is_(None), sa.not_(under_way))
            .values(ended_at=database_now(connection))
        )


def require_lease(connection: sa.Connection, attempt_id: int) -> None:
    """Check, in the transaction that depends on it, that the attempt still holds its lease.

    :raises RcsFencedError: if the lease has run out or the attempt was ended.
    """
    is_over = sa.or_(attempt.c.ended_at.is_not(None), attempt.c.lease_until < sql_now(connection))
    if connection.execute(sa.select(is_over).where(attempt.c.id == attempt_id)).scalar_one():
        raise RcsFencedError(
            "this attempt at the campaign was asleep for longer than its lease, and another one may have taken its "
            "recipients over; it sends nothing more. Retry the task: it goes on where the campaign stands."
        )


def listing_attempts(connection: sa.Connection, held: Attempt) -> list[int]:
    """Return the attempts whose lists this one sends to: itself, and later ones that send to the same shard.

    Another's list that is kept for a dispatch is not among them until it is whole.
    """
    begun = sa.select(scheduled.c.listed_by).where(
        scheduled.c.campaign_id == held.campaign.id, sa.not_(scheduled.c.is_whole), scheduled.c.listed_by != held.id
    )
    # Numbers, not a subquery: with one, a database may sort all that is planned for each claim.
    later = sa.select(attempt.c.id).where(_sends_to_shard_of(held), attempt.c.id >= held.id, attempt.c.id.not_in(begun))
    return list(connection.execute(later).scalars())


def in_shard_of(held: Attempt) -> sa.ColumnElement[bool]:
    """Whether a message was listed last by an attempt that sends to the same shard."""
    return sa.and_(
        message.c.campaign_id == held.campaign.id,
        message.c.listed_by.in_(sa.select(attempt.c.id).where(_sends_to_shard_of(held)).correlate(None)),
    )


def count_shard_states(engine: sa.Engine, held: Attempt) -> Counter[MessageState]:
    """Return how many recipients of the attempt's shard are in each state."""
    counts = sa.select(message.c.state, sa.func.count()).where(in_shard_of(held)).group_by(message.c.state)
    with reading(engine) as connection:
        return Counter({MessageState(state): count for state, count in connection.execute(counts)})


def _sends_to_shard_of(held: Attempt) -> sa.ColumnElement[bool]:
    return sa.and_(attempt.c.campaign_id == held.campaign.id, attempt.c.shard == held.shard)
