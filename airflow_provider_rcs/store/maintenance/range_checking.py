"""Checking of the ranges of ids by which loads find changed messages."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.inbox_tables import message_channel
from airflow_provider_rcs.store.db.tables import IDS_PER_RANGE, changed_range, message

_FIRST_ID = (message.c.id - message.c.id % IDS_PER_RANGE).label("first_message_id")


def count_ranges(connection: sa.Connection, campaign_id: int) -> tuple[int, int]:
    """Return how many ranges of a campaign's messages loads find, and how many they should find."""
    ranges = _ranges(campaign_id).subquery().c
    counts = sa.select(sa.func.coalesce(sa.func.sum(ranges.is_found), 0), sa.func.count(ranges.first_message_id))
    found, all_of_them = connection.execute(counts).one()
    return int(found), int(all_of_them)


def mark_lost_messages(connection: sa.Connection, campaign_id: int, revision: int) -> None:
    """Mark the messages of ranges that loads do not find as changed; the caller holds the campaign's lock.

    Triggers then give the ranges the revision as well.

    :param revision: the revision that the lock gave.
    """
    ranges = _ranges(campaign_id).subquery().c
    lost = sa.select(ranges.first_message_id).where(ranges.is_found == 0)
    of_campaign = message.c.campaign_id == campaign_id
    connection.execute(message.update().where(of_campaign, _FIRST_ID.in_(lost)).values(revision=revision))
    marked = sa.select(message.c.id).where(of_campaign, message.c.revision == revision)
    of_marked = message_channel.c.message_id.in_(marked)
    connection.execute(message_channel.update().where(of_marked).values(revision=revision))


def _ranges(campaign_id: int) -> sa.Select[Any]:
    """Return the ranges in which a campaign has messages, and whether (1 or 0) each has their highest revision."""
    of_campaign = message.c.campaign_id == campaign_id
    revisions = sa.union_all(
        sa.select(_FIRST_ID, message.c.revision).where(of_campaign),
        sa.select(_FIRST_ID, message_channel.c.revision)
        .join(message_channel, message_channel.c.message_id == message.c.id)
        .where(of_campaign),
    ).subquery()
    first = revisions.c.first_message_id
    needed = sa.select(first, sa.func.max(revisions.c.revision).label("revision")).group_by(first).subquery()
    is_of_range = sa.and_(
        changed_range.c.campaign_id == campaign_id, changed_range.c.first_message_id == needed.c.first_message_id
    )
    is_found = sa.case((changed_range.c.revision >= needed.c.revision, 1), else_=0).label("is_found")
    return sa.select(needed.c.first_message_id, is_found).select_from(needed.outerjoin(changed_range, is_of_range))
