"""Exclusion: phones of an ``exclude_sql`` are left out of what earlier attempts at the campaign have planned."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import UTC, datetime
from functools import cache

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.outbox.planning import EXCLUDED, IS_NOT_ATTEMPTED

_ROWS_PER_STATEMENT = 5_000
_ID = column_types(message, ["id"])

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
    found = _excluded_messages(engine, campaign, excluded)
    starts = range(0, len(found), _ROWS_PER_STATEMENT)
    return sum(_suppress(engine, campaign, found[start : start + _ROWS_PER_STATEMENT]) for start in starts)


def _excluded_messages(engine: sa.Engine, campaign: Campaign, excluded: Set[str]) -> Sequence[int]:
    """Return the ids of messages to excluded phones that could still be sent.

    The messages are compared here, and not in the database: there are few of them when a campaign begins, and the
    excluded phones, of which there may be many, need not be sent to it.
    """
    could_be_sent = sa.or_(IS_NOT_ATTEMPTED, _MAY_BE_REQUEUED)
    messages = sa.select(message.c.id, message.c.recipient_key).where(
        message.c.campaign_id == campaign.id, could_be_sent, sa.not_(message.c.is_excluded)
    )
    with reading(engine) as connection:
        rows = connection.execute(messages, execution_options={"yield_per": _ROWS_PER_STATEMENT})
        return [message_id for message_id, recipient_key in rows if recipient_key in excluded]


def _suppress(engine: sa.Engine, campaign: Campaign, ids: Sequence[int]) -> int:
    dialect = engine.dialect.name
    with transaction(engine) as connection:
        parameters = {
            "new_revision": lock_campaign(connection, campaign.id),
            "now": datetime.now(UTC),
            **rows_as_json(dialect, _ID, [(each,) for each in ids]),
        }
        suppressed = connection.execute(_suppress_messages(dialect), parameters).rowcount
        if suppressed < len(ids):
            connection.execute(_mark_messages(dialect), parameters)
    return suppressed


@cache
def _suppress_messages(dialect: str) -> sa.Update:
    new_values = {"state": MessageState.SUPPRESSED, "reason": EXCLUDED, "detail": ""}
    now = sa.bindparam("now", type_=message.c.updated_at.type)
    return _mark(dialect, IS_NOT_ATTEMPTED).values(**new_values, updated_at=now)


@cache
def _mark_messages(dialect: str) -> sa.Update:
    return _mark(dialect, _MAY_BE_REQUEUED)


def _mark(dialect: str, condition: sa.ColumnElement[bool]) -> sa.Update:
    given = rows_from_json(dialect, _ID)
    new_revision = sa.bindparam("new_revision", type_=message.c.revision.type)
    return message.update().where(message.c.id == given.c.id, condition).values(is_excluded=True, revision=new_revision)
