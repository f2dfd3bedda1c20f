"""Planning: the list of recipients goes into the books before anyone is sent to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.json_rows import pieces_of_texts, pieces_of_variables
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient, ListedRecipients
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.campaign.cancellations import require_not_cancelled
from airflow_provider_rcs.store.db.bulk import column_types, columns_as_json, upsert_from_rows, rows_from_json
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.outbox.attempts import Attempt, require_lease
from airflow_provider_rcs.store.privacy.pseudonyms import IS_PSEUDONYMISED, find_pseudonymised

# What differs from row to row; the rest of a row is said once for all.
_COLUMNS = column_types(
    message,
    ("recipient_key", "phone", "phone_as_listed", "name", "reference", "variables", "reason", "detail", "listed_now"),
)


_TAKEN_FROM_THE_LIST = ("phone", "phone_as_listed", "name", "reference", "variables", "state", "reason", "detail")


# Whoever is known by a hash alone is left alone too: a list must not bring back what was erased.
_NEVER_TRIED = sa.and_(
    sa.or_(
        message.c.state == MessageState.PLANNED,
        sa.and_(message.c.state == MessageState.REJECTED, message.c.request_id.is_(None)),
    ),
    sa.not_(IS_PSEUDONYMISED),
)


@dataclass(frozen=True, slots=True)
class ListPart:
    """The next rows of a list, written out for the store.

    :param listed: no recipient twice.
    :param times: how often each of them is on this part of the list.
    :param parameter: all of it, as the parameter of a statement.
    """

    listed: ListedRecipients
    times: Sequence[int]
    parameter: Mapping[str, str]


def prepare_list_part(engine: sa.Engine, listed: Sequence[ListedRecipient]) -> ListPart:
    """Write the next rows of a list out for the store, without asking it: another part may be on its way there.

    :param listed: the rows, in the order of the list.
    """
    once, times = _each_once(ListedRecipients.of(listed))
    return ListPart(once, times, _parameter(engine.dialect.name, once, times, {}))


def record_list(engine: sa.Engine, attempt: Attempt, part: ListPart) -> None:
    """Put a part of the attempt's list into the books, each recipient as planned or as rejected with its reason.

    A recipient whom the campaign knows already keeps its row. What the new list says of it is taken over while nobody
    has tried to send to it, so that a list put right can be sent; otherwise the row stays as it is. One that is on
    the same list again is counted in ``repeats``, and the first of its rows counts. Of one whom the campaign knows by a
    hash alone, nothing that the list says is kept.

    :param part: the next rows of the list; parts come in its order.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    parameter = part.parameter
    with transaction(engine) as connection:
        dialect = connection.dialect.name
        said_once = {
            "campaign": attempt.campaign.id,
            "attempt": attempt.id,
            "new_revision": lock_campaign(connection, attempt.campaign.id),
            "now": datetime.now(UTC),
        }
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        if hashes := find_pseudonymised(connection, attempt.campaign.id, part.listed.keys):
            parameter = _parameter(dialect, part.listed, part.times, hashes)
        connection.execute(_insert_list(dialect), {**said_once, **parameter})


@dataclass(frozen=True, slots=True)
class KnownRecipient:
    """How a recipient stands whom the campaign knows, and whom a new list changes nothing for."""

    state: MessageState
    reason: str


def read_known_recipients(engine: sa.Engine, campaign: Campaign, keys: Sequence[str]) -> dict[str, KnownRecipient]:
    """Return those of the recipients who keep their row when they are listed again: key -> how they stand."""
    with reading(engine) as connection:
        hashes = find_pseudonymised(connection, campaign.id, keys)
        key_of = {hashes.get(key, key): key for key in keys}
        kept = sa.select(message.c.recipient_key, message.c.state, message.c.reason).where(
            message.c.campaign_id == campaign.id, message.c.recipient_key.in_(key_of), sa.not_(_NEVER_TRIED)
        )
        rows = connection.execute(kept)
        return {key_of[row.recipient_key]: KnownRecipient(MessageState(row.state), row.reason) for row in rows}


def _each_once(listed: ListedRecipients) -> tuple[ListedRecipients, Sequence[int]]:
    """Return the first recipient of each key of the list, and how often the key is on it."""
    if len(set(listed.keys)) == len(listed):
        return listed, [1] * len(listed)
    times = Counter(listed.keys)
    last_to_first = reversed(range(len(listed)))
    first = {listed.keys[position]: position for position in last_to_first}
    return listed.where([first[key] == position for position, key in enumerate(listed.keys)]), list(times.values())


def _parameter(
    dialect: str, listed: ListedRecipients, times: Sequence[int], hashes: Mapping[str, str]
) -> dict[str, str]:
    keys = [hashes.get(key, key) for key in listed.keys] if hashes else listed.keys
    texts = (keys, listed.phones, listed.phones_as_listed, listed.names, listed.references)
    count = len(listed)
    cells = (
        *map(pieces_of_texts, texts),
        pieces_of_variables(listed.variables, count),
        pieces_of_texts(listed.rejections),
        pieces_of_texts(listed.details),
        ["1"] if set(times) == {1} else [list(map(str, times))],
    )
    return columns_as_json(dialect, dict(zip(_COLUMNS, cells, strict=True)), count)


@cache
def _insert_list(dialect: str) -> sa.Insert:
    listed = rows_from_json(dialect, _COLUMNS).c
    now = sa.bindparam("now", type_=message.c.updated_at.type)
    cells = {
        **listed,
        "campaign_id": sa.bindparam("campaign", type_=message.c.campaign_id.type),
        "state": sa.case((listed.reason == "", MessageState.PLANNED), else_=MessageState.REJECTED),
        "listed_by": sa.bindparam("attempt", type_=message.c.listed_by.type),
        "repeats": listed.listed_now - 1,
        "delivery_status": sa.literal(""),
        "delivery_rank": sa.literal(-1),
        "delivery_code": sa.literal(""),
        "delivery_channel": sa.literal(""),
        "revision": sa.bindparam("new_revision", type_=message.c.revision.type),
        "updated_at": now,
    }
    return upsert_from_rows(dialect, message, cells, key=["campaign_id", "recipient_key"], changes=_changes)


def _changes(listed: Any) -> Mapping[str, Any]:
    # A list that is older than the one whose words stand changes nothing.
    is_newer = message.c.listed_by < listed.listed_by
    taken_over = sa.and_(_NEVER_TRIED, is_newer)
    times = sa.case(
        (is_newer, listed.listed_now),
        (message.c.listed_by == listed.listed_by, message.c.listed_now + listed.listed_now),
        else_=message.c.listed_now,
    )
    more_repeats = times - 1 > message.c.repeats
    changed = sa.or_(taken_over, more_repeats)
    return {
        **{name: sa.case((taken_over, listed[name]), else_=message.c[name]) for name in _TAKEN_FROM_THE_LIST},
        "listed_by": sa.case((is_newer, listed.listed_by), else_=message.c.listed_by),
        "listed_now": times,
        "repeats": sa.case((more_repeats, times - 1), else_=message.c.repeats),
        "revision": sa.case((changed, listed.revision), else_=message.c.revision),
        "updated_at": sa.case((changed, listed.updated_at), else_=message.c.updated_at),
    }
