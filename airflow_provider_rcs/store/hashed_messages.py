"""Messages whose recipient is known by a hash alone: how they come to be so, and how they are found again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.recipient_hashes import HASH_PREFIX, RecipientHashes
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.hash_keys import require_hashes
from airflow_provider_rcs.store.row_sets import columns_of, row_parameter, row_set
from airflow_provider_rcs.store.tables import campaign, message

ERASED_UNSENT = "erased before it was sent"
IS_HASHED = message.c.recipient_key.startswith(HASH_PREFIX)
_LISTED = columns_of(message, ["recipient_key"])
_REPLACED = columns_of(message, ["id", "recipient_key"])


def replace_by_hashes(
    connection: sa.Connection,
    hashes: RecipientHashes,
    campaign_id: int,
    revision: int,
    recipients: Sequence[tuple[int, str]],
    unsent: str,
    only: sa.ColumnElement[bool],
) -> int:
    """Take the persons out of messages of a campaign, inside a transaction that holds its lock; return of how many.

    State, reason, status and dates stay, so that the books and the funnel do. A message that is planned could not be
    sent any more, and is suppressed.

    :param recipients: id and recipient key of each message.
    :param unsent: why a planned message is suppressed.
    :param only: what must still hold of a message.
    """
    now = datetime.now(UTC)
    is_planned = message.c.state == MessageState.PLANNED
    dialect = connection.dialect.name
    replaced = _replaced(dialect)
    changed = connection.execute(
        message.update()
        .where(message.c.id == replaced.c.id, only)
        .values(
            recipient_key=replaced.c.recipient_key,
            phone=None,
            phone_as_listed="",
            name="",
            reference="",
            variables={},
            detail="",
            state=sa.case((is_planned, MessageState.SUPPRESSED), else_=message.c.state),
            reason=sa.case((is_planned, unsent), else_=message.c.reason),
            revision=revision,
            # Else untouched: in the warehouse, it is the day of a message that is in no request.
            updated_at=sa.case((is_planned, sa.literal(now, message.c.updated_at.type)), else_=message.c.updated_at),
        ),
        row_parameter(dialect, _REPLACED, [(row, hashes.of(key)) for row, key in recipients]),
    ).rowcount
    connection.execute(campaign.update().where(campaign.c.id == campaign_id).values(hashed_at=now))
    return changed


def known_by_hash(connection: sa.Connection, campaign_id: int, recipient_keys: Sequence[str]) -> dict[str, str]:
    """Return those recipients whom the campaign knows by a hash alone: key -> hash.

    :raises RcsStoreError: if it knows some, and the key of the hashes is gone.
    """
    hashed_at = sa.select(campaign.c.hashed_at).where(campaign.c.id == campaign_id)
    if connection.execute(hashed_at).scalar_one() is None:
        return {}
    hashes = require_hashes(connection)
    keys = {hashes.of(key): key for key in recipient_keys}
    dialect = connection.dialect.name
    parameters = row_parameter(dialect, _LISTED, [(key,) for key in keys]) | {"campaign": campaign_id}
    found = connection.execute(_known_among(dialect), parameters).scalars()
    return {keys[each]: each for each in found}


@cache
def _replaced(dialect: str) -> sa.FromClause:
    return row_set(dialect, _REPLACED)


@cache
def _known_among(dialect: str) -> sa.Select[Any]:
    # Not by a join, for which SQLite would go through the list once for each message of the campaign.
    is_listed = message.c.recipient_key.in_(sa.select(row_set(dialect, _LISTED).c.recipient_key))
    return sa.select(message.c.recipient_key).where(message.c.campaign_id == sa.bindparam("campaign"), is_listed)
