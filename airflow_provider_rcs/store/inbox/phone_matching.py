"""Messages of reports and replies that name no request: found by phone and one more thing that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.store.db.bulk import ColumnTypes, column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.tables import campaign, message, request
from airflow_provider_rcs.store.privacy.pseudonyms import find_pseudonyms


class NamedByPhone(NamedTuple):
    """What a report or a reply says of its message.

    :param id: id of the report or reply.
    :param phone: in E.164.
    :param message_reference: the recipient's own reference; empty if it has none.
    :param api_message_id: the service's id of the message; empty if it has none.
    :param api_campaign_id: the service's id of the request; empty if it has none.
    :param account: the fingerprint of the account that it came from; empty if it is not known.
    """

    id: int
    phone: str
    message_reference: str
    api_message_id: str
    api_campaign_id: str
    account: str


_ROWS: ColumnTypes = {
    "id": sa.BigInteger(),
    "recipient_key": sa.Text(),
    **column_types(message, ("reference", "api_message_id")),
    **column_types(request, ("api_campaign_id",)),
    **column_types(campaign, ("account",)),
}
_API_CAMPAIGN_ID = column_types(request, ("api_campaign_id",))


def find_messages_by_phone(connection: sa.Connection, named: Sequence[NamedByPhone]) -> Mapping[int, int]:
    """Return the message of each report or reply that names exactly one message of the store: its id -> message.

    A phone alone is not enough: it may have messages of several campaigns. With it, the recipient's reference, the id
    of the message or that of a request must name one message that was in a request, and no other. What names a request
    of the store can only mean a message of this request, and what came from an account only one of its messages.
    """
    keys = [(each.phone, each) for each in named if each.phone and any(each[2:-1])]
    if not keys:
        return {}
    if pseudonyms := find_pseudonyms(connection):
        keys += [(pseudonyms.of(phone), each) for phone, each in keys]
    dialect = connection.dialect.name
    rows = [(each.id, key, *each[2:]) for key, each in keys]
    of_requests = _ids_of_requests(connection, {each.api_campaign_id for each in named} - {""})
    found: defaultdict[int, set[int]] = defaultdict(set)
    for row in connection.execute(_select_messages(dialect), rows_as_json(dialect, _ROWS, rows)):
        if row.named_campaign_id not in of_requests or row.named_campaign_id == row.api_campaign_id:
            found[row.id].add(row.message_id)
    return {row: messages.pop() for row, messages in found.items() if len(messages) == 1}


def _ids_of_requests(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    """Return which of these ids the service gave to requests of the store."""
    if not ids:
        return set()
    dialect = connection.dialect.name
    parameter = rows_as_json(dialect, _API_CAMPAIGN_ID, [(each,) for each in ids])
    return set(connection.execute(_select_ids_of_requests(dialect), parameter).scalars())


@cache
def _select_ids_of_requests(dialect: str) -> sa.Select[Any]:
    given = rows_from_json(dialect, _API_CAMPAIGN_ID)
    return sa.select(given.c.api_campaign_id).where(
        sa.exists().where(request.c.api_campaign_id == given.c.api_campaign_id)
    )


@cache
def _select_messages(dialect: str) -> sa.Select[Any]:
    rows = rows_from_json(dialect, _ROWS)
    has_id = rows.c.api_message_id != ""
    has_same_id = message.c.api_message_id == rows.c.api_message_id
    is_of_request = sa.and_(request.c.api_campaign_id == rows.c.api_campaign_id, rows.c.api_campaign_id != "")
    is_named = sa.or_(
        sa.and_(message.c.reference == rows.c.reference, rows.c.reference != ""),
        sa.and_(has_id, has_same_id),
        # The service names both: another message of the request is not meant.
        sa.and_(is_of_request, sa.or_(sa.not_(has_id), message.c.api_message_id.is_(None), has_same_id)),
    )
    return (
        sa.select(
            rows.c.id,
            rows.c.api_campaign_id.label("named_campaign_id"),
            message.c.id.label("message_id"),
            request.c.api_campaign_id,
        )
        .select_from(rows)
        .join(message, message.c.recipient_key == rows.c.recipient_key)
        .join(request, request.c.id == message.c.request_id)
        .join(campaign, campaign.c.id == message.c.campaign_id)
        .where(is_named, rows.c.account.in_(("", campaign.c.account)))
    )
