"""Shards: an attempt is concerned with the recipients of its own part of the list, whoever sends to the others."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.attempts import Attempt
from airflow_provider_rcs.store.engine import reading
from airflow_provider_rcs.store.tables import attempt, message, scheduled


def lists_of(connection: sa.Connection, held: Attempt) -> list[int]:
    """Return the attempts whose lists this one sends to: itself, and later ones that send to the same shard.

    Another's list that is kept for a dispatch is not among them until it is whole.
    """
    begun = sa.select(scheduled.c.listed_by).where(
        scheduled.c.campaign_id == held.campaign.id, sa.not_(scheduled.c.is_whole), scheduled.c.listed_by != held.id
    )
    # Numbers, not a subquery: with one, a database may sort all that is planned for each claim.
    later = sa.select(attempt.c.id).where(_sends_to_shard_of(held), attempt.c.id >= held.id, attempt.c.id.not_in(begun))
    return list(connection.execute(later).scalars())


def is_in_shard_of(held: Attempt) -> sa.ColumnElement[bool]:
    """Whether a message was listed last by an attempt that sends to the same shard."""
    return sa.and_(
        message.c.campaign_id == held.campaign.id,
        message.c.listed_by.in_(sa.select(attempt.c.id).where(_sends_to_shard_of(held)).correlate(None)),
    )


def states_in_shard_of(engine: sa.Engine, held: Attempt) -> Counter[MessageState]:
    """Return how many recipients of the attempt's shard are in each state."""
    counts = sa.select(message.c.state, sa.func.count()).where(is_in_shard_of(held)).group_by(message.c.state)
    with reading(engine) as connection:
        return Counter({MessageState(state): count for state, count in connection.execute(counts)})


def _sends_to_shard_of(held: Attempt) -> sa.ColumnElement[bool]:
    return sa.and_(attempt.c.campaign_id == held.campaign.id, attempt.c.shard == held.shard)
