"""Pseudonyms, the keyed hashes that replace phones so that recipients are recognised but no longer named."""

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
from airflow_provider_rcs.store.db.bulk import ColumnTypes, column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.inbox_tables import inbound, report
from airflow_provider_rcs.store.db.tables import campaign, erasure, message, request, store

PSEUDONYM_PREFIX = "pseudonym:"

ERASED_UNSENT = "erased before it was sent"

IS_PSEUDONYMISED = message.c.recipient_key.startswith(PSEUDONYM_PREFIX)

ANONYMOUS_REPORT: dict[str, Any] = {"phone": "", "message_reference": "", "extra": {}}

IDENTIFIES_RECIPIENT = sa.or_(
    report.c.phone != "", report.c.message_reference != "", sa.cast(report.c.extra, sa.Text) != "{}"
)

# The digest is of personal data, and so is replaced as well; it must stay unique.
ANONYMOUS_INBOUND: dict[str, Any] = {
    **ANONYMOUS_REPORT,
    "text": "",
    "digest": sa.literal("anonymous ") + sa.cast(inbound.c.id, sa.Text),
}

INBOUND_IDENTIFIES_PERSON = sa.not_(inbound.c.digest.startswith("anonymous "))

_KEY_BYTES = 32

# Long enough that no two phones are likely to share a pseudonym; no longer, because the ledger stores one per message.
_DIGEST_BYTES = 16

_RECIPIENT_KEY = column_types(message, ["recipient_key"])

_ID_AND_RECIPIENT_KEY = column_types(message, ["id", "recipient_key"])

_REPORT_AND_PSEUDONYM: ColumnTypes = {
    "report_id": sa.BigInteger(),
    "campaign_id": sa.BigInteger(),
    "pseudonym": sa.Text(),
}


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The pseudonyms that one key produces.

    There are so few phones that anyone who has the key can hash them all and find the phone of a pseudonym. Without the
    key that is impossible, and so is finding the same recipient in two stores.

    :param key: the secret key, in hexadecimal.
    """

    key: str = field(repr=False)

    def of(self, recipient_key: str) -> str:
        """Return the pseudonym of a recipient: always the same for the same key, and never a phone.

        :param recipient_key: key of the recipient in the ledger: the phone in E.164, or a digest of the value
            that is no usable phone.
        """
        digest = hashlib.blake2b(recipient_key.encode(), key=bytes.fromhex(self.key), digest_size=_DIGEST_BYTES)
        return PSEUDONYM_PREFIX + digest.hexdigest()


def new_pseudonym_key() -> str:
    """Return a new random key."""
    return secrets.token_hex(_KEY_BYTES)


def create_pseudonyms(connection: sa.Connection) -> Pseudonyms:
    """Return the pseudonyms of the store, creating their key if it has none.

    This locks the row that is the folding lock, so it must come before any campaign's lock.
    """
    first_key = sa.func.coalesce(store.c.pseudonym_key, new_pseudonym_key())
    statement = store.update().where(store.c.id == 1).values(pseudonym_key=first_key).returning(store.c.pseudonym_key)
    return Pseudonyms(connection.execute(statement).scalar_one())


def find_pseudonyms(connection: sa.Connection) -> Pseudonyms | None:
    """Return the pseudonyms of the store, or ``None`` if it has no key yet."""
    key = connection.execute(sa.select(store.c.pseudonym_key)).scalar_one_or_none()
    return None if key is None else Pseudonyms(key)


def require_pseudonyms(connection: sa.Connection) -> Pseudonyms:
    """Return the pseudonyms of a store that contains some.

    :raises RcsStoreError: if their key is missing, so that recipients cannot be recognised.
    """
    pseudonyms = find_pseudonyms(connection)
    if pseudonyms is None:
        raise RcsStoreError(
            "store: the key of its pseudonyms (rcs_store.pseudonym_key) is missing, so it cannot tell which recipients "
            "it has messaged. Nothing was sent. Put the key back, or restore the store from a backup."
        )
    return pseudonyms


def find_pseudonymised(connection: sa.Connection, campaign_id: int, recipient_keys: Sequence[str]) -> dict[str, str]:
    """Return the recipients that a campaign stores under a pseudonym: recipient key -> pseudonym.

    :raises RcsStoreError: if the campaign contains pseudonyms and their key is missing.
    """
    pseudonymised_at = sa.select(campaign.c.pseudonymised_at).where(campaign.c.id == campaign_id)
    if connection.execute(pseudonymised_at).scalar_one() is None:
        return {}
    pseudonyms = require_pseudonyms(connection)
    keys = {pseudonyms.of(key): key for key in recipient_keys}
    dialect = connection.dialect.name
    parameters = rows_as_json(dialect, _RECIPIENT_KEY, [(each,) for each in keys]) | {"campaign": campaign_id}
    found = connection.execute(_select_listed(dialect), parameters).scalars()
    return {keys[each]: each for each in found}


def pseudonymise_messages(
    connection: sa.Connection,
    pseudonyms: Pseudonyms,
    campaign_id: int,
    revision: int,
    recipients: Sequence[tuple[int, str]],
    unsent_reason: str,
    condition: sa.ColumnElement[bool],
) -> int:
    """Remove personal data from messages of a campaign that the caller has locked; return the number of messages.

    State, reason, delivery status and dates stay, so the counts of the campaign do not change. A planned message can no
    longer be sent, and becomes suppressed.

    :param recipients: id and recipient key of each message.
    :param unsent_reason: why a planned message is suppressed.
    :param condition: messages that no longer meet it are skipped.
    """
    now = datetime.now(UTC)
    is_planned = message.c.state == MessageState.PLANNED
    dialect = connection.dialect.name
    replacement = _replacements(dialect)
    changed = connection.execute(
        message.update()
        .where(message.c.id == replacement.c.id, condition)
        .values(
            recipient_key=replacement.c.recipient_key,
            phone=None,
            phone_as_listed="",
            name="",
            reference="",
            variables={},
            detail="",
            state=sa.case((is_planned, MessageState.SUPPRESSED), else_=message.c.state),
            reason=sa.case((is_planned, unsent_reason), else_=message.c.reason),
            revision=revision,
            # Otherwise unchanged: the warehouse takes it as the day of a message that is in no request.
            updated_at=sa.case((is_planned, sa.literal(now, message.c.updated_at.type)), else_=message.c.updated_at),
        ),
        rows_as_json(dialect, _ID_AND_RECIPIENT_KEY, [(row, pseudonyms.of(key)) for row, key in recipients]),
    ).rowcount
    connection.execute(campaign.update().where(campaign.c.id == campaign_id).values(pseudonymised_at=now))
    return changed


def pseudonymise_reports(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    """Match the reports of a fold to messages by pseudonym, and remove personal data that the store must not keep.

    Personal data is removed from reports on pseudonymised messages, and from unmatched reports on erased recipients.
    """
    pseudonyms = find_pseudonyms(connection)
    if pseudonyms is None:
        return
    # A message is looked up in the campaign whose request the report names, unless the phone has matched one already.
    unmatched = (
        sa.select(report.c.id, request.c.campaign_id, report.c.phone)
        .outerjoin(request, request.c.reference == report.c.campaign_reference)
        .outerjoin(message, message.c.id == report.c.message_id)
        .where(of_this_fold, report.c.phone != "", report.c.phone.is_distinct_from(message.c.recipient_key))
    )
    rows = [(row.id, row.campaign_id, pseudonyms.of(row.phone)) for row in connection.execute(unmatched)]
    if rows:
        parameter = rows_as_json(connection.dialect.name, _REPORT_AND_PSEUDONYM, rows)
        _set_messages(connection, parameter)
        _blank_reports_on_erased(connection, parameter)
    is_pseudonymised = sa.exists().where(message.c.id == report.c.message_id, IS_PSEUDONYMISED)
    connection.execute(report.update().where(of_this_fold, is_pseudonymised).values(ANONYMOUS_REPORT))


def _set_messages(connection: sa.Connection, parameter: Mapping[str, str]) -> None:
    found = connection.execute(_select_messages(connection.dialect.name), parameter).all()
    if found:
        connection.execute(
            report.update().where(report.c.id == sa.bindparam("row")).values(message_id=sa.bindparam("of_message")),
            [{"row": row.report_id, "of_message": row.id} for row in found],
        )


def _blank_reports_on_erased(connection: sa.Connection, parameter: Mapping[str, str]) -> None:
    found = connection.execute(_select_erased(connection.dialect.name), parameter).scalars().all()
    if found:
        connection.execute(
            report.update().where(report.c.id == sa.bindparam("row")).values(ANONYMOUS_REPORT),
            [{"row": row} for row in found],
        )


@cache
def _replacements(dialect: str) -> sa.FromClause:
    return rows_from_json(dialect, _ID_AND_RECIPIENT_KEY)


@cache
def _select_listed(dialect: str) -> sa.Select[Any]:
    # Not a join, for which SQLite would scan the list once for each message of the campaign.
    is_listed = message.c.recipient_key.in_(sa.select(rows_from_json(dialect, _RECIPIENT_KEY).c.recipient_key))
    return sa.select(message.c.recipient_key).where(message.c.campaign_id == sa.bindparam("campaign"), is_listed)


@cache
def _select_messages(dialect: str) -> sa.Select[Any]:
    rows = rows_from_json(dialect, _REPORT_AND_PSEUDONYM)
    matches = sa.and_(message.c.campaign_id == rows.c.campaign_id, message.c.recipient_key == rows.c.pseudonym)
    return sa.select(rows.c.report_id, message.c.id).join(message, matches)


@cache
def _select_erased(dialect: str) -> sa.Select[Any]:
    rows = rows_from_json(dialect, _REPORT_AND_PSEUDONYM)
    return sa.select(rows.c.report_id).join(erasure, erasure.c.pseudonym == rows.c.pseudonym)
