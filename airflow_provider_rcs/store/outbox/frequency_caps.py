"""Frequency caps: how many messages a phone got lately, over all campaigns, counted while its phone is locked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import IS_NO_TEST
from airflow_provider_rcs.store.db.bulk import column_types, dialect_insert, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import capped_phone, message, request, store

_KEY = column_types(message, ["recipient_key"])
_PHONE = column_types(capped_phone, ["phone"])
# Any number, as long as nothing else in the database locks the same.
CLAIMS_UNDER_CAP = 7_267_001
_IS_ALONE = sa.select(sa.func.pg_try_advisory_xact_lock(CLAIMS_UNDER_CAP))
_LET_IN_THOSE_THAT_LOCK_PHONES = sa.select(sa.func.pg_advisory_xact_lock_shared(CLAIMS_UNDER_CAP))
# Messages in doubt count against a frequency cap too, because they may have been delivered.
_STATES_UNDER_CAP = (MessageState.SENDING, MessageState.ACCEPTED, MessageState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class CountedNear:
    """How many messages count against a cap.

    :param messages: recipient key -> messages.
    :param pseudonym_key: the key of the store's pseudonyms when they were counted; ``None`` while it had none.
    """

    messages: Mapping[str, int]
    pseudonym_key: str | None


CountNear = Callable[[sa.Connection, Collection[str], FrequencyCap, datetime | None, int], CountedNear]
"""Counts messages like :func:`count_messages_near`."""


def lock_capped_phones(connection: sa.Connection, phones: Collection[str]) -> None:
    """Let only one claim with a frequency cap count the messages of a phone, until the transaction ends.

    Otherwise two campaigns could both find that a phone may get one more message. Lock the campaign before, no other
    lock after, and all phones of a transaction at once: they are locked in their order, so that no two claims deadlock.
    """
    # SQLite has one writer at a time. On PostgreSQL, a claim that is alone needs no phone locked: those that come
    # meanwhile wait for it, and lock their phones while they are several.
    if connection.dialect.name == "postgresql" and not connection.execute(_IS_ALONE).scalar_one():
        connection.execute(_LET_IN_THOSE_THAT_LOCK_PHONES)
        parameter = rows_as_json("postgresql", _PHONE, [(phone,) for phone in phones])
        connection.execute(_lock_phones(connection), parameter)


def count_messages_near(
    connection: sa.Connection,
    recipient_keys: Collection[str],
    cap: FrequencyCap,
    send_at: datetime | None,
    at_least: int,
) -> CountedNear:
    """Return how many messages count against a cap, for each recipient at most as many as it allows.

    :param at_least: leaves out those that have fewer messages.
    :param send_at: the date of the campaign that asks; ``None`` for at once.
    """
    return _count(connection, _count_messages(connection.dialect.name), recipient_keys, cap, send_at, at_least)


def count_messages_of_near_campaigns(
    connection: sa.Connection,
    recipient_keys: Collection[str],
    cap: FrequencyCap,
    send_at: datetime | None,
    at_least: int,
) -> CountedNear:
    """Like :func:`count_messages_near`, but count some messages too many: all those of campaigns that sent lately.

    This reads nothing but an index, while the messages themselves lie all over the table.
    """
    return _count(
        connection, _count_messages_of_campaigns(connection.dialect.name), recipient_keys, cap, send_at, at_least
    )


def _count(
    connection: sa.Connection,
    statement: sa.Select[Any],
    recipient_keys: Collection[str],
    cap: FrequencyCap,
    send_at: datetime | None,
    at_least: int,
) -> CountedNear:
    now = datetime.now(UTC)
    goes_out_at = now if send_at is None else max(send_at, now)
    period = {"after": goes_out_at - cap.within, "before": goes_out_at + cap.within, "at_most": cap.at_most}
    keys = rows_as_json(connection.dialect.name, _KEY, [(key,) for key in recipient_keys])
    found = connection.execute(statement, {**keys, **period, "at_least": at_least}).all()
    return CountedNear({row.recipient_key: row.messages for row in found if row.recipient_key}, found[0].pseudonym_key)


@cache
def _count_messages(dialect: str) -> sa.Select[Any]:
    keys = rows_from_json(dialect, _KEY)
    # A message goes out at its campaign's date. After that date, it goes out when it is handed over.
    is_held = campaigns.c.send_at > request.c.claimed_at
    goes_out_at = sa.case((is_held, campaigns.c.send_at), else_=request.c.claimed_at)
    near = (
        sa.select(sa.literal(1).label("one"))
        .select_from(message)
        .join(request, request.c.id == message.c.request_id)
        .join(campaigns, campaigns.c.id == request.c.campaign_id)
        .where(
            message.c.recipient_key == keys.c.recipient_key,
            message.c.state.in_(_STATES_UNDER_CAP),
            _is_near(goes_out_at),
            IS_NO_TEST,
        )
        # The newest first, so that of those who reached their cap few are read.
        .order_by(message.c.campaign_id.desc())
    )
    return _counted(keys, near)


@cache
def _count_messages_of_campaigns(dialect: str) -> sa.Select[Any]:
    keys = rows_from_json(dialect, _KEY)
    claimed = sa.select(request.c.campaign_id).where(_is_near(request.c.claimed_at))
    held = sa.select(campaigns.c.id).where(_is_near(campaigns.c.send_at))
    near_campaigns = sa.union_all(claimed, held)
    near = sa.select(sa.literal(1).label("one")).where(
        message.c.recipient_key == keys.c.recipient_key,
        # The index skips all campaigns before.
        message.c.campaign_id >= sa.select(sa.func.min(near_campaigns.subquery().c.campaign_id)).scalar_subquery(),
        # Not a join, which PostgreSQL would make anew for each key.
        message.c.campaign_id.in_(near_campaigns).is_(sa.true()),
    )
    return _counted(keys, near)


def _counted(keys: sa.FromClause, near: sa.Select[Any]) -> sa.Select[Any]:
    # Counted for each key by itself: for a join, a database without statistics reads the whole table.
    at_most = near.correlate(keys).limit(sa.bindparam("at_most", type_=sa.Integer)).subquery()
    messages = sa.select(sa.func.count()).select_from(at_most).scalar_subquery()
    every_key = sa.select(keys.c.recipient_key, messages.label("messages")).subquery()
    counted = sa.select(every_key).where(every_key.c.messages >= sa.bindparam("at_least", type_=sa.Integer)).subquery()
    # In one statement, which sees one state of the store: as long as that has no key, nobody was erased from it.
    return sa.select(store.c.pseudonym_key, counted).select_from(store.outerjoin(counted, sa.true()))


def _is_near(moment: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    kind = request.c.claimed_at.type
    # A message exactly as far away as the period is long does not count: weekly campaigns have weekly dates.
    return sa.and_(moment > sa.bindparam("after", type_=kind), moment < sa.bindparam("before", type_=kind))


def _lock_phones(connection: sa.Connection) -> Any:
    phones = rows_from_json("postgresql", _PHONE).c.phone
    insert = dialect_insert(connection, capped_phone).from_select(["phone"], sa.select(phones).order_by(phones))
    # A row that exists is locked, and not updated.
    return insert.on_conflict_do_update(
        index_elements=["phone"], set_={"phone": insert.excluded.phone}, where=sa.false()
    )
