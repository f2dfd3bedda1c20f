"""Planning: the list of recipients goes into the books before anyone is sent to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.attempts import Attempt, require_lease
from airflow_provider_rcs.store.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.cancellations import require_not_cancelled
from airflow_provider_rcs.store.engine import reading, transaction
from airflow_provider_rcs.store.hashed_messages import IS_HASHED, known_by_hash
from airflow_provider_rcs.store.tables import message
from airflow_provider_rcs.store.upsert import insert_or_update

_TAKEN_FROM_THE_LIST = ("phone", "phone_as_listed", "name", "reference", "variables", "state", "reason", "detail")
# Whoever is known by a hash alone is left alone too: a list must not bring back what was erased.
_NEVER_TRIED = sa.and_(
    sa.or_(
        message.c.state == MessageState.PLANNED,
        sa.and_(message.c.state == MessageState.REJECTED, message.c.request_id.is_(None)),
    ),
    sa.not_(IS_HASHED),
)


def record_list(engine: sa.Engine, attempt: Attempt, listed: Sequence[ListedRecipient]) -> None:
    """Put a part of the attempt's list into the books, each recipient as planned or as rejected with its reason.

    A recipient whom the campaign knows already keeps its row. What the new list says of it is taken over while nobody
    has tried to send to it, so that a list put right can be sent; otherwise the row stays as it is. One that is on
    the same list again is counted in ``repeats``, and the first of its rows counts. Of one whom the campaign knows by a
    hash alone, nothing that the list says is kept.

    :param listed: the next rows of the list, in its order.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    times = Counter(recipient.key for recipient in listed)
    first_of_each = {recipient.key: recipient for recipient in reversed(listed)}
    with transaction(engine) as connection:
        revision = lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        hashes = known_by_hash(connection, attempt.campaign.id, list(times))
        rows = [
            {**_row(first_of_each[key], times[key], attempt, revision), "recipient_key": hashes.get(key, key)}
            for key in times
        ]
        insert_or_update(connection, message, rows, key=["campaign_id", "recipient_key"], changes=_changes)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a recipient stands whom the campaign knows, and whom a new list changes nothing for."""

    state: MessageState
    reason: str


def standings(engine: sa.Engine, campaign: Campaign, keys: Sequence[str]) -> dict[str, Standing]:
    """Return those of the recipients who keep their row when they are listed again: key -> how they stand."""
    with reading(engine) as connection:
        hashes = known_by_hash(connection, campaign.id, keys)
        key_of = {hashes.get(key, key): key for key in keys}
        kept = sa.select(message.c.recipient_key, message.c.state, message.c.reason).where(
            message.c.campaign_id == campaign.id, message.c.recipient_key.in_(key_of), sa.not_(_NEVER_TRIED)
        )
        rows = connection.execute(kept)
        return {key_of[row.recipient_key]: Standing(MessageState(row.state), row.reason) for row in rows}


def _row(recipient: ListedRecipient, times: int, attempt: Attempt, revision: int) -> dict[str, Any]:
    return {
        "campaign_id": attempt.campaign.id,
        "recipient_key": recipient.key,
        "phone": recipient.phone,
        "phone_as_listed": recipient.phone_as_listed,
        "name": recipient.name,
        "reference": recipient.reference,
        "variables": dict(recipient.variables),
        "state": MessageState.REJECTED if recipient.rejection else MessageState.PLANNED,
        "reason": recipient.rejection,
        "detail": recipient.detail,
        "listed_by": attempt.id,
        "listed_now": times,
        "repeats": times - 1,
        "delivery_status": "",
        "delivery_rank": -1,
        "delivery_code": "",
        "delivery_channel": "",
        "revision": revision,
        "updated_at": datetime.now(UTC),
    }


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
