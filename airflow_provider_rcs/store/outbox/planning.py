"""Planning: a list of recipients is recorded in the ledger before any of it is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.campaign.campaigns import Campaign, locking
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json, upsert_from_rows
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.outbox.attempts import Attempt, require_active
from airflow_provider_rcs.store.privacy.pseudonyms import IS_PSEUDONYMISED, find_pseudonymised

EXCLUDED = "excluded by exclude_sql"

# The columns that differ from row to row.
_ROW_COLUMNS = column_types(
    message,
    (
        "recipient_key",
        "phone",
        "phone_as_listed",
        "reading",
        "name",
        "reference",
        "variables",
        "reason",
        "detail",
        "is_excluded",
        "listed_now",
    ),
)
_UPDATED_FROM_LIST = (
    "phone",
    "phone_as_listed",
    "reading",
    "name",
    "reference",
    "variables",
    "state",
    "reason",
    "detail",
)

# Rows that a new list may still change. Erased recipients are left out: a list must not restore their data.
IS_NOT_ATTEMPTED = sa.and_(
    sa.or_(
        message.c.state == MessageState.PLANNED,
        sa.and_(message.c.state == MessageState.REJECTED, message.c.request_id.is_(None)),
    ),
    sa.not_(IS_PSEUDONYMISED),
)


@dataclass(frozen=True, slots=True)
class ListPart:
    """The next rows of a list, prepared for the store.

    :param rows: a row for each recipient, first its key, last how often this part of the list contains it.
    :param parameter: the rows as the parameter of a statement.
    """

    rows: Sequence[tuple[Any, ...]]
    parameter: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KnownRecipient:
    """The state of a recipient in the campaign whose row a new list does not change."""

    state: MessageState
    reason: str


def prepare_list_part(
    engine: sa.Engine, listed: Sequence[ListedRecipient], excluded: Set[str] = frozenset()
) -> ListPart:
    """Prepare the next rows of a list for the store, without querying it, so that this can run during a write.

    :param listed: the rows, in the order of the list.
    :param excluded: phones that the campaign must not message.
    """
    counts = Counter(recipient.key for recipient in listed)
    rows = [_row(recipient, counts[key], key in excluded) for key, recipient in used_rows(listed).items()]
    return ListPart(rows, rows_as_json(engine.dialect.name, _ROW_COLUMNS, rows))


def used_rows(listed: Sequence[ListedRecipient]) -> dict[str, ListedRecipient]:
    """Return the row that is used of each recipient: the first valid one, or else the first; in the order of the list.

    :return: key -> row.
    """
    used: dict[str, ListedRecipient] = {}
    for recipient in listed:
        first = used.setdefault(recipient.key, recipient)
        if first.rejection and not recipient.rejection:
            used[recipient.key] = recipient
    return used


def record_list(engine: sa.Engine, attempt: Attempt, part: ListPart) -> None:
    """Record a part of the attempt's list: each recipient as planned, or as suppressed or rejected with the reason.

    A recipient who is in the campaign already keeps its row. Until a request has contained the recipient, the row is
    updated from the newer list, so that a corrected list can be sent; after that it does not change. If a list
    contains a recipient several times, the first valid row is used, or else the first, and the others are counted in
    ``repeats``. Of recipients that the campaign knows by a pseudonym only, nothing from the list is stored.

    An excluded recipient is never planned, not even for a moment, because another attempt could claim it. Once
    excluded, it stays so: a message that is being sent is not planned again if it turns out not to have been sent.

    :param part: the next rows of the list; the parts must be recorded in its order.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    parameter = part.parameter
    with transaction(engine, locking(attempt.campaign.id)) as connection:
        dialect = connection.dialect.name
        active = require_active(connection, attempt)
        same_for_all_rows = {
            "campaign": attempt.campaign.id,
            "attempt": attempt.id,
            "new_revision": active.revision,
            "now": datetime.now(UTC),
        }
        if active.is_pseudonymised:
            pseudonyms = find_pseudonymised(connection, attempt.campaign.id, [key for key, *_ in part.rows])
            rows = [(pseudonyms.get(key, key), *cells) for key, *cells in part.rows]
            parameter = rows_as_json(dialect, _ROW_COLUMNS, rows)
        connection.execute(_insert_list(dialect), {**same_for_all_rows, **parameter})


def read_known_recipients(engine: sa.Engine, campaign: Campaign, keys: Sequence[str]) -> dict[str, KnownRecipient]:
    """Return the recipients whose rows a new list would not change: key -> state and reason."""
    with reading(engine) as connection:
        pseudonyms = find_pseudonymised(connection, campaign.id, keys)
        key_of = {pseudonyms.get(key, key): key for key in keys}
        unchanged = sa.select(message.c.recipient_key, message.c.state, message.c.reason).where(
            message.c.campaign_id == campaign.id, message.c.recipient_key.in_(key_of), sa.not_(IS_NOT_ATTEMPTED)
        )
        rows = connection.execute(unchanged)
        return {key_of[row.recipient_key]: KnownRecipient(MessageState(row.state), row.reason) for row in rows}


def _row(recipient: ListedRecipient, count: int, is_excluded: bool) -> tuple[Any, ...]:
    return (
        recipient.key,
        recipient.phone,
        recipient.phone_as_listed,
        recipient.reading,
        # Of a recipient that is never sent to, nothing is kept that only a message needs.
        "" if is_excluded else recipient.name,
        recipient.reference,
        {} if is_excluded else recipient.variables,
        EXCLUDED if is_excluded else recipient.rejection,
        "" if is_excluded else recipient.detail,
        is_excluded,
        count,
    )


@cache
def _insert_list(dialect: str) -> sa.Insert:
    listed = rows_from_json(dialect, _ROW_COLUMNS).c
    cells = {
        **listed,
        "campaign_id": sa.bindparam("campaign", type_=message.c.campaign_id.type),
        "state": sa.case(
            (listed.is_excluded, MessageState.SUPPRESSED),
            (listed.reason == "", MessageState.PLANNED),
            else_=MessageState.REJECTED,
        ),
        "listed_by": sa.bindparam("attempt", type_=message.c.listed_by.type),
        "repeats": listed.listed_now - 1,
        "delivery_status": sa.literal(""),
        "delivery_rank": sa.literal(-1),
        "delivery_code": sa.literal(""),
        "delivery_channel": sa.literal(""),
        "revision": sa.bindparam("new_revision", type_=message.c.revision.type),
        "updated_at": sa.bindparam("now", type_=message.c.updated_at.type),
    }
    return upsert_from_rows(dialect, message, cells, key=["campaign_id", "recipient_key"], changes=_changes)


def _changes(listed: Any) -> Mapping[str, Any]:
    # A list older than the one that the row was last updated from changes nothing, except that it excludes.
    is_newer = message.c.listed_by < listed.listed_by
    is_first_valid_row = sa.and_(
        message.c.listed_by == listed.listed_by, message.c.state == MessageState.REJECTED, listed.reason == ""
    )
    is_updated = sa.and_(IS_NOT_ATTEMPTED, sa.or_(is_newer, is_first_valid_row, listed.is_excluded))
    count = sa.case(
        (is_newer, listed.listed_now),
        (message.c.listed_by == listed.listed_by, message.c.listed_now + listed.listed_now),
        else_=message.c.listed_now,
    )
    # Until a recipient is attempted, only its newest list counts: an earlier one may have been put right.
    has_other_repeats = sa.or_(sa.and_(IS_NOT_ATTEMPTED, is_newer), count - 1 > message.c.repeats)
    is_changed = sa.or_(is_updated, has_other_repeats)
    return {
        **{name: sa.case((is_updated, listed[name]), else_=message.c[name]) for name in _UPDATED_FROM_LIST},
        "is_excluded": sa.or_(message.c.is_excluded, listed.is_excluded),
        "listed_by": sa.case((is_newer, listed.listed_by), else_=message.c.listed_by),
        "listed_now": count,
        "repeats": sa.case((has_other_repeats, count - 1), else_=message.c.repeats),
        "revision": sa.case((is_changed, listed.revision), else_=message.c.revision),
        "updated_at": sa.case((is_changed, listed.updated_at), else_=message.c.updated_at),
    }
