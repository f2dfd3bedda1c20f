"""Keyed hashes that stand in the books for recipients who must be known again and no longer be named."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.db.bulk import ColumnTypes, column_types, rows_from_json, rows_as_json
from airflow_provider_rcs.store.db.tables import campaign, erasure, message, report, request, store

PSEUDONYM_PREFIX = "hash:"


_BYTES_OF_A_KEY = 32


# So many that no two phones of the world are likely to share a hash; no more, because the books keep each of them.
_BYTES_OF_A_HASH = 16


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The hashes that are made with one key.

    There are few enough phones to hash them all: whoever has the key and a hash finds the phone behind it. Without the
    key nobody does, and nobody sees that two stores know the same person.

    :param key: the secret, in hexadecimal.
    """

    key: str = field(repr=False)

    def of(self, recipient_key: str) -> str:
        """Return what stands for a recipient: alike for alike, and never a phone.

        :param recipient_key: what the recipient was known by: the phone as E.164 digits, or what stood instead of one.
        """
        digest = hashlib.blake2b(recipient_key.encode(), key=bytes.fromhex(self.key), digest_size=_BYTES_OF_A_HASH)
        return PSEUDONYM_PREFIX + digest.hexdigest()


def new_pseudonym_key() -> str:
    """Return a key that nobody can guess."""
    return secrets.token_hex(_BYTES_OF_A_KEY)


def create_pseudonyms(connection: sa.Connection) -> Pseudonyms:
    """Return the store's hashes, after making their key if it has none.

    It takes the row that is the folds' lock, so that it comes before any campaign's lock.
    """
    only_once = sa.func.coalesce(store.c.pseudonym_key, new_pseudonym_key())
    statement = store.update().where(store.c.id == 1).values(pseudonym_key=only_once).returning(store.c.pseudonym_key)
    return Pseudonyms(connection.execute(statement).scalar_one())


def find_pseudonyms(connection: sa.Connection) -> Pseudonyms | None:
    """Return the store's hashes, or ``None`` if it was never asked for one."""
    key = connection.execute(sa.select(store.c.pseudonym_key)).scalar_one_or_none()
    return None if key is None else Pseudonyms(key)


def require_pseudonyms(connection: sa.Connection) -> Pseudonyms:
    """Return the store's hashes, in a store that keeps some.

    :raises RcsStoreError: if their key is gone, and with it the knowledge of whom they stand for.
    """
    hashes = find_pseudonyms(connection)
    if hashes is None:
        raise RcsStoreError(
            "store: the key of its pseudonyms (rcs_store.pseudonym_key) is missing, so it cannot tell which recipients "
            "it has messaged. Nothing was sent. Put the key back, or restore the store from a backup."
        )
    return hashes


ERASED_UNSENT = "erased before it was sent"


IS_PSEUDONYMISED = message.c.recipient_key.startswith(PSEUDONYM_PREFIX)


_LISTED = column_types(message, ["recipient_key"])


_REPLACED = column_types(message, ["id", "recipient_key"])


def pseudonymise_messages(
    connection: sa.Connection,
    hashes: Pseudonyms,
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
        rows_as_json(dialect, _REPLACED, [(row, hashes.of(key)) for row, key in recipients]),
    ).rowcount
    connection.execute(campaign.update().where(campaign.c.id == campaign_id).values(pseudonymised_at=now))
    return changed


def find_pseudonymised(connection: sa.Connection, campaign_id: int, recipient_keys: Sequence[str]) -> dict[str, str]:
    """Return those recipients whom the campaign knows by a hash alone: key -> hash.

    :raises RcsStoreError: if it knows some, and the key of the hashes is gone.
    """
    pseudonymised_at = sa.select(campaign.c.pseudonymised_at).where(campaign.c.id == campaign_id)
    if connection.execute(pseudonymised_at).scalar_one() is None:
        return {}
    hashes = require_pseudonyms(connection)
    keys = {hashes.of(key): key for key in recipient_keys}
    dialect = connection.dialect.name
    parameters = rows_as_json(dialect, _LISTED, [(key,) for key in keys]) | {"campaign": campaign_id}
    found = connection.execute(_known_among(dialect), parameters).scalars()
    return {keys[each]: each for each in found}


@cache
def _replaced(dialect: str) -> sa.FromClause:
    return rows_from_json(dialect, _REPLACED)


@cache
def _known_among(dialect: str) -> sa.Select[Any]:
    # Not by a join, for which SQLite would go through the list once for each message of the campaign.
    is_listed = message.c.recipient_key.in_(sa.select(rows_from_json(dialect, _LISTED).c.recipient_key))
    return sa.select(message.c.recipient_key).where(message.c.campaign_id == sa.bindparam("campaign"), is_listed)


ANONYMOUS_REPORT: dict[str, Any] = {"phone": "", "message_reference": "", "extra": {}}


IDENTIFIES_RECIPIENT = sa.or_(
    report.c.phone != "", report.c.message_reference != "", sa.cast(report.c.extra, sa.Text) != "{}"
)


_ON_A_HASHED_MESSAGE = sa.exists().where(message.c.id == report.c.message_id, IS_PSEUDONYMISED)


_SOUGHT: ColumnTypes = {"report_id": sa.BigInteger(), "campaign_id": sa.BigInteger(), "pseudonym": sa.Text()}


def pseudonymise_reports(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    """Find the messages of a fold's reports by hash too, and blank the reports whose person the store must not name."""
    hashes = find_pseudonyms(connection)
    if hashes is None:
        return
    # In the campaign of the request that they echo, where the phone has not led to a message already.
    left = (
        sa.select(report.c.id, request.c.campaign_id, report.c.phone)
        .outerjoin(request, request.c.reference == report.c.campaign_reference)
        .outerjoin(message, message.c.id == report.c.message_id)
        .where(of_this_fold, report.c.phone != "", report.c.phone.is_distinct_from(message.c.recipient_key))
    )
    sought = [(row.id, row.campaign_id, hashes.of(row.phone)) for row in connection.execute(left)]
    if sought:
        parameters = rows_as_json(connection.dialect.name, _SOUGHT, sought)
        _attach(connection, parameters)
        _blank_those_of_erased(connection, parameters)
    connection.execute(report.update().where(of_this_fold, _ON_A_HASHED_MESSAGE).values(ANONYMOUS_REPORT))


def _attach(connection: sa.Connection, sought: Mapping[str, str]) -> None:
    found = connection.execute(_messages_of(connection.dialect.name), sought).all()
    if found:
        connection.execute(
            report.update().where(report.c.id == sa.bindparam("row")).values(message_id=sa.bindparam("of_message")),
            [{"row": row.report_id, "of_message": row.id} for row in found],
        )


def _blank_those_of_erased(connection: sa.Connection, sought: Mapping[str, str]) -> None:
    found = connection.execute(_erased_among(connection.dialect.name), sought).scalars().all()
    if found:
        connection.execute(
            report.update().where(report.c.id == sa.bindparam("row")).values(ANONYMOUS_REPORT),
            [{"row": row} for row in found],
        )


@cache
def _messages_of(dialect: str) -> sa.Select[Any]:
    sought = rows_from_json(dialect, _SOUGHT)
    is_it = sa.and_(message.c.campaign_id == sought.c.campaign_id, message.c.recipient_key == sought.c.pseudonym)
    return sa.select(sought.c.report_id, message.c.id).join(message, is_it)


@cache
def _erased_among(dialect: str) -> sa.Select[Any]:
    sought = rows_from_json(dialect, _SOUGHT)
    return sa.select(sought.c.report_id).join(erasure, erasure.c.pseudonym == sought.c.pseudonym)
