"""Erasure, which removes a person's data from the store without changing the counts of campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInFlightError, RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.phones import could_be_phone
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, lock_campaign
from airflow_provider_rcs.store.db.bulk import insert_or_ignore, insert_or_update
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import (
    campaign,
    erasure,
    inbound,
    message,
    report,
    report_refused,
    store,
    suppression,
    suppression_pseudonym,
)
from airflow_provider_rcs.store.inbox.cursors import count_changed_reports
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.inbox.opt_outs import opt_out_reason
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.privacy.pseudonyms import (
    ANONYMOUS_INBOUND,
    ANONYMOUS_REPORT,
    ERASED_UNSENT,
    IDENTIFIES_RECIPIENT,
    INBOUND_IDENTIFIES_PERSON,
    IS_PSEUDONYMISED,
    Pseudonyms,
    create_pseudonyms,
    find_pseudonyms,
    pseudonymise_messages,
)
from airflow_provider_rcs.store.privacy.refused_bodies import PhoneSearch

SUPPRESSED_ON_REQUEST = "erased on request"

_ROWS_PER_FETCH = 1_000


@dataclass(frozen=True, slots=True)
class IdentifiableMessage:
    """A message with personal data."""

    id: int
    campaign_id: int
    recipient_key: str


@dataclass(frozen=True, slots=True)
class PersonalData:
    """The rows of the store that are about a person.

    :param messages: messages with the person's data, including those rejected because their value is no usable phone.
    :param pseudonymous_messages: ids of messages that the store recognises as the person's only by pseudonym.
    :param reports: ids of the delivery reports with the person's data.
    :param inbound: ids of the person's own messages.
    :param refused_reports: ids of the stored bodies that could not be read and contain the phone.
    :param suppressions: number of suppressions of the phone: for all accounts, or for one.
    """

    messages: Sequence[IdentifiableMessage] = ()
    pseudonymous_messages: Sequence[int] = ()
    reports: Sequence[int] = ()
    inbound: Sequence[int] = ()
    refused_reports: Sequence[int] = ()
    suppressions: int = 0

    @property
    def message_ids(self) -> list[int]:
        """Ids of all messages to the person, with or without personal data."""
        return sorted([*(each.id for each in self.messages), *self.pseudonymous_messages])

    def as_counts(self) -> dict[str, int]:
        """Return the number of rows with personal data: table -> rows."""
        return {
            "rcs_message": len(self.messages),
            "rcs_report": len(self.reports),
            "rcs_inbound": len(self.inbound),
            "rcs_report_refused": len(self.refused_reports),
            "rcs_suppression": self.suppressions,
        }


def find_personal_data(engine: sa.Engine, phone: str) -> PersonalData:
    """Return the rows that are about a person, without changing them.

    :param phone: in E.164, such as ``+34600000001``.
    """
    with reading(engine) as connection:
        return _find(connection, find_pseudonyms(connection), phone, report.c.fold.is_not(None))


def erase(engine: sa.Engine, phone: str, erased_by: str, *, suppress: bool = False) -> PersonalData:
    """Remove a person's data from the store in one transaction, and return the rows that contained it.

    Each message keeps its row, with a pseudonym in place of the phone and without personal data: the counts of its
    campaign do not change, and the campaign does not message the phone again. Reports lose the phone as well; later
    ones lose it when they are folded. Suppressions remain, by pseudonym.

    :param phone: in E.164, such as ``+34600000001``.
    :param erased_by: who erases, for the record.
    :param suppress: whether to suppress the phone for all campaigns as well.
    :raises RcsInFlightError: if a message to the phone is being sent.
    """
    if not erased_by.strip():
        raise RcsInputError("by", "it is empty", "Enter who erases, for the record.")
    _recover_attempts_sending_to(engine, phone)
    # All reports are searched before folding is locked; under the lock, only those folded since then.
    searched_up_to = _last_fold(engine)
    found = find_personal_data(engine, phone).reports
    with transaction(engine) as connection:
        fold = lock_folding(connection)
        pseudonyms = create_pseudonyms(connection)
        folded_since = report.c.fold.between(searched_up_to + 1, fold)
        # SQLAlchemy writes an empty list as a subquery, for which PostgreSQL would scan all reports again.
        candidates = sa.or_(report.c.id.in_(found), folded_since) if found else folded_since
        data = _find(connection, pseudonyms, phone, candidates)
        _pseudonymise(connection, pseudonyms, data.messages)
        _blank_reports(connection, data.reports, fold)
        count_changed_reports(connection, fold)
        opted_out = _blank_inbound(connection, data.inbound, fold)
        connection.execute(report_refused.delete().where(report_refused.c.id.in_(data.refused_reports)))
        reason = SUPPRESSED_ON_REQUEST if suppress else opted_out
        _replace_phone_by_pseudonym(connection, pseudonyms, phone, reason)
        row = {"pseudonym": pseudonyms.of(phone), "erased_by": erased_by, "erased_at": datetime.now(UTC)}
        insert_or_update(
            connection,
            erasure,
            [row],
            ["pseudonym"],
            lambda new: {"erased_by": new.erased_by, "erased_at": new.erased_at},
        )
    return data


def _last_fold(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.select(store.c.fold).where(store.c.id == 1)).scalar_one())


def _find(
    connection: sa.Connection, pseudonyms: Pseudonyms | None, phone: str, candidates: sa.ColumnElement[bool]
) -> PersonalData:
    """Return the rows that are about a person.

    :param candidates: selects the folded reports to search.
    """
    # With the campaigns, because the index on recipient keys starts with them.
    in_any_campaign = message.c.campaign_id.in_(sa.select(campaign.c.id))
    columns = (message.c.id, message.c.campaign_id, message.c.recipient_key)
    by_phone = sa.select(*columns).where(in_any_campaign, message.c.recipient_key == phone)
    messages = [IdentifiableMessage(*row) for row in connection.execute(by_phone)]
    messages += _messages_with_similar_text(connection, phone)
    pseudonymous: Sequence[int] = []
    if pseudonyms:
        by_pseudonym = sa.select(message.c.id).where(in_any_campaign, message.c.recipient_key == pseudonyms.of(phone))
        pseudonymous = connection.execute(by_pseudonym).scalars().all()
    message_ids = [*(each.id for each in messages), *pseudonymous]
    is_about_person = sa.or_(report.c.phone.in_((phone, phone.removeprefix("+"))), report.c.message_id.in_(message_ids))
    # Reports that are not folded yet lose their personal data when they are.
    reports = sa.select(report.c.id).where(candidates, IDENTIFIES_RECIPIENT, is_about_person)
    suppressed = sa.select(sa.func.count()).select_from(suppression).where(suppression.c.phone == phone)
    return PersonalData(
        messages,
        pseudonymous,
        connection.execute(reports).scalars().all(),
        list(_inbound_of(connection, phone, message_ids)),
        list(_refused_reports_with(connection, phone)),
        connection.execute(suppressed).scalar_one(),
    )


def _messages_with_similar_text(connection: sa.Connection, phone: str) -> Iterator[IdentifiableMessage]:
    """Yield the messages without a usable phone whose listed text may mean this phone."""
    listed = sa.select(message.c.id, message.c.campaign_id, message.c.recipient_key, message.c.phone_as_listed).where(
        message.c.phone.is_(None), sa.not_(IS_PSEUDONYMISED)
    )
    for row in connection.execute(listed, execution_options={"yield_per": _ROWS_PER_FETCH}):
        if could_be_phone(row.phone_as_listed, phone):
            yield IdentifiableMessage(row.id, row.campaign_id, row.recipient_key)


def _inbound_of(connection: sa.Connection, phone: str, message_ids: Sequence[int]) -> Iterator[int]:
    """Yield the messages of the person, and those whose phone or text may be this phone."""
    search = PhoneSearch(phone)
    of_messages = set(message_ids)
    columns = (inbound.c.id, inbound.c.phone, inbound.c.text, inbound.c.message_id)
    messages = sa.select(*columns).where(INBOUND_IDENTIFIES_PERSON)
    for row in connection.execute(messages, execution_options={"yield_per": _ROWS_PER_FETCH}):
        # Most texts have no digit; searching one takes longer than reading it.
        is_in_text = any(map(str.isdecimal, row.text)) and search.is_in(row.text.encode())
        if is_in_text or row.message_id in of_messages or could_be_phone(row.phone, phone):
            yield row.id


def _refused_reports_with(connection: sa.Connection, phone: str) -> Iterator[int]:
    search = PhoneSearch(phone)
    bodies = sa.select(report_refused.c.id, report_refused.c.content_type, report_refused.c.body)
    for row in connection.execute(bodies, execution_options={"yield_per": _ROWS_PER_FETCH // 10}):
        if search.is_in(row.body) or search.is_in(row.content_type.encode()):
            yield row.id


def _recover_attempts_sending_to(engine: sa.Engine, phone: str) -> None:
    """Recover from dead attempts that were sending to the phone, so that they do not prevent the erasure."""
    with reading(engine) as connection:
        names = connection.execute(_campaigns_sending(message.c.recipient_key == phone)).scalars().all()
    for name in names:
        if sending := find_campaign(engine, name):
            recover_dead_attempts(engine, sending)


def _pseudonymise(connection: sa.Connection, pseudonyms: Pseudonyms, messages: Sequence[IdentifiableMessage]) -> None:
    # In the order of their ids, like a fold, so that two processes cannot deadlock.
    for campaign_id in sorted({each.campaign_id for each in messages}):
        revision = lock_campaign(connection, campaign_id)
        recipients = [(each.id, each.recipient_key) for each in messages if each.campaign_id == campaign_id]
        _require_none_sending(connection, [row for row, _ in recipients])
        pseudonymise_messages(connection, pseudonyms, campaign_id, revision, recipients, ERASED_UNSENT, sa.true())


def _require_none_sending(connection: sa.Connection, messages: Sequence[int]) -> None:
    name = connection.execute(_campaigns_sending(message.c.id.in_(messages))).scalars().first()
    if name is not None:
        raise RcsInFlightError(
            f"campaign {name!r}: a message to this phone is being sent right now, or its task died less than a lease "
            "ago. Nothing was erased. Run this again when the task has ended."
        )


def _campaigns_sending(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the names of the campaigns that are sending messages which meet the condition."""
    of_campaign = message.c.campaign_id == campaign.c.id
    is_sending = message.c.state == MessageState.SENDING
    return sa.select(campaign.c.name).join(message, of_campaign).where(condition, is_sending)


def _blank_reports(connection: sa.Connection, reports: Sequence[int], fold: int) -> None:
    # With the number of a new fold, so that the next load updates them in the warehouse.
    connection.execute(report.update().where(report.c.id.in_(reports)).values(fold=fold, **ANONYMOUS_REPORT))


def _blank_inbound(connection: sa.Connection, messages: Sequence[int], fold: int) -> str:
    """Remove personal data from messages of a person; return why the phone must be suppressed, or empty text.

    An opt-out whose phone could not be read is applied now that it is known whose it is.
    """
    is_one = inbound.c.id.in_(messages)
    waiting = sa.select(inbound.c.opt_out).where(is_one, inbound.c.is_unapplied).order_by(inbound.c.id).limit(1)
    word = connection.execute(waiting).scalar_one_or_none()
    connection.execute(inbound.update().where(is_one).values(fold=fold, is_unapplied=False, **ANONYMOUS_INBOUND))
    return opt_out_reason(word) if word else ""


def _replace_phone_by_pseudonym(connection: sa.Connection, pseudonyms: Pseudonyms, phone: str, reason: str) -> None:
    """Replace the phone by its pseudonym in suppressions.

    :param reason: why to suppress it for all accounts as well; empty not to.
    """
    pseudonym = pseudonyms.of(phone)
    columns = (suppression.c.account, suppression.c.reason, suppression.c.since)
    suppressed = connection.execute(suppression.delete().where(suppression.c.phone == phone).returning(*columns))
    rows = [{"pseudonym": pseudonym, **row} for row in suppressed.mappings()]
    if reason:
        rows.append({"pseudonym": pseudonym, "account": "", "reason": reason, "since": datetime.now(UTC)})
    # Of two for all accounts, the first one stays.
    insert_or_ignore(connection, suppression_pseudonym, rows, key=["pseudonym", "account"])
