"""Exclusion: phones of an ``exclude_sql`` are left out of what earlier attempts at the campaign have planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.outbox.planning import EXCLUDED, IS_NOT_ATTEMPTED

_ROWS_PER_PAGE = 5_000

# Messages in doubt, too: they are planned again if a person finds that they were not sent.
_MAY_BE_REQUEUED = message.c.state.in_((MessageState.SENDING, MessageState.IN_DOUBT))


def suppress_excluded(engine: sa.Engine, campaign: Campaign, excluded: Set[str]) -> int:
    """Suppress the campaign's messages to excluded phones that no request has contained yet.

    Those that are being sent, or are in doubt, are suppressed if it turns out that they were not sent. What is listed
    later is excluded when it is recorded: see :func:`~airflow_provider_rcs.store.outbox.planning.prepare_list_part`.

    :param excluded: phones in E.164.
    :return: the number of messages suppressed now.
    """
    if not excluded:
        return 0
    return sum(_suppress(engine, campaign, ids) for ids in _excluded_messages(engine, campaign, excluded))


def _excluded_messages(engine: sa.Engine, campaign: Campaign, excluded: Set[str]) -> Iterator[Sequence[int]]:
    """Yield the ids of messages to excluded phones, some at a time.

    The messages are compared here, and not in the database: there are few of them when a campaign begins, and the
    excluded phones, of which there may be many, need not be sent to it.
    """
    is_open = sa.or_(IS_NOT_ATTEMPTED, _MAY_BE_REQUEUED)
    page = (
        sa.select(message.c.id, message.c.recipient_key)
        .where(message.c.campaign_id == campaign.id, is_open, sa.not_(message.c.is_excluded))
        .order_by(message.c.id)
        .limit(_ROWS_PER_PAGE)
    )
    last = 0
    while True:
        with reading(engine) as connection:
            rows = connection.execute(page.where(message.c.id > last)).all()
        if not rows:
            return
        last = rows[-1].id
        if found := [row.id for row in rows if row.recipient_key in excluded]:
            yield found


def _suppress(engine: sa.Engine, campaign: Campaign, ids: Sequence[int]) -> int:
    with transaction(engine) as connection:
        changes = {"is_excluded": True, "revision": lock_campaign(connection, campaign.id)}
        are_listed = message.c.id.in_(ids)
        suppressed = connection.execute(
            message.update()
            .where(are_listed, IS_NOT_ATTEMPTED)
            .values(state=MessageState.SUPPRESSED, reason=EXCLUDED, detail="", updated_at=datetime.now(UTC), **changes)
        ).rowcount
        connection.execute(message.update().where(are_listed, _MAY_BE_REQUEUED).values(changes))
    return suppressed
