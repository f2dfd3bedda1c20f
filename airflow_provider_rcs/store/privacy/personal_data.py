"""The rows of the store that are about a person, found by indexes where a table grows with every campaign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import sqlalchemy as sa

from airflow_provider_rcs.recipients.phones import could_be_phone, digits_of_phone
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused
from airflow_provider_rcs.store.db.person_indexes import HAS_NO_PHONE_BUT_TEXT, IS_FOUND_BY_PHONE
from airflow_provider_rcs.store.db.tables import message, suppression
from airflow_provider_rcs.store.privacy.pseudonyms import (
    IDENTIFIES_RECIPIENT,
    INBOUND_IDENTIFIES_PERSON,
    find_pseudonyms,
)
from airflow_provider_rcs.store.privacy.refused_bodies import PhoneSearch

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

    Reports that are not folded yet are left out: they lose their personal data when they are.

    :param phone: in E.164, such as ``+34600000001``.
    """
    with reading(engine) as connection:
        messages = [*find_messages(connection, phone), *_messages_with_similar_text(connection, phone)]
        pseudonyms = find_pseudonyms(connection)
        same_pseudonym = message.c.recipient_key == pseudonyms.of(phone) if pseudonyms else sa.false()
        pseudonymous = connection.execute(sa.select(message.c.id).where(same_pseudonym)).scalars().all()
        message_ids = [*(each.id for each in messages), *pseudonymous]
        suppressed = sa.select(sa.func.count()).select_from(suppression).where(suppression.c.phone == phone)
        return PersonalData(
            messages,
            pseudonymous,
            find_reports(connection, phone, message_ids, sa.true()),
            find_inbound(connection, phone, message_ids, sa.true()),
            list(_refused_reports_with(connection, phone)),
            connection.execute(suppressed).scalar_one(),
        )


def find_messages(connection: sa.Connection, phone: str) -> list[IdentifiableMessage]:
    """Return the messages to a phone, in the order in which campaigns are locked."""
    columns = (message.c.id, message.c.campaign_id, message.c.recipient_key)
    of_phone = sa.select(*columns).where(message.c.recipient_key == phone).order_by(message.c.campaign_id)
    return [IdentifiableMessage(*row) for row in connection.execute(of_phone)]


def find_reports(
    connection: sa.Connection, phone: str, message_ids: Sequence[int], candidates: sa.ColumnElement[bool]
) -> list[int]:
    """Return the ids of folded reports that identify a person: those on the person's messages, or on the phone.

    :param message_ids: the person's messages.
    :param candidates: selects the reports to search.
    """
    folded = sa.select(report.c.id).where(candidates, report.c.fold.is_not(None), IDENTIFIES_RECIPIENT)
    of_phone = folded.where(IS_FOUND_BY_PHONE, report.c.phone.in_((phone, phone.removeprefix("+"))))
    # Two statements, each with an index of its own: for both in one, PostgreSQL may read the whole table.
    statements = [of_phone]
    if message_ids:
        statements.append(folded.where(report.c.message_id.in_(message_ids)))
    return sorted(set(chain.from_iterable(connection.execute(each).scalars() for each in statements)))


def find_inbound(
    connection: sa.Connection, phone: str, message_ids: Sequence[int], candidates: sa.ColumnElement[bool]
) -> list[int]:
    """Return the ids of a person's own messages, and of those whose phone or text may be this phone.

    :param message_ids: the person's messages, to which these may be replies.
    :param candidates: selects the messages to search.
    """
    search = PhoneSearch(phone)
    of_messages = set(message_ids)
    columns = (inbound.c.id, inbound.c.phone, inbound.c.text, inbound.c.message_id)
    messages = sa.select(*columns).where(candidates, INBOUND_IDENTIFIES_PERSON).order_by(inbound.c.id)
    found = []
    for row in connection.execute(messages, execution_options={"yield_per": _ROWS_PER_FETCH}):
        # Most texts have no digit; searching one takes longer than reading it.
        is_in_text = any(map(str.isdecimal, row.text)) and search.is_in(row.text.encode())
        if is_in_text or row.message_id in of_messages or could_be_phone(row.phone, phone):
            found.append(row.id)
    return found


def _messages_with_similar_text(connection: sa.Connection, phone: str) -> Iterator[IdentifiableMessage]:
    """Yield the messages without a usable phone whose listed text may mean this phone."""
    columns = (message.c.id, message.c.campaign_id, message.c.recipient_key, message.c.phone_as_listed)
    # The database leaves out most of them: each that is meant has these digits, in this order.
    _, national = digits_of_phone(phone)
    has_digits = message.c.phone_as_listed.like(f"%{'%'.join(national)}%")
    listed = sa.select(*columns).where(HAS_NO_PHONE_BUT_TEXT, has_digits)
    for row in connection.execute(listed, execution_options={"yield_per": _ROWS_PER_FETCH}):
        if could_be_phone(row.phone_as_listed, phone):
            yield IdentifiableMessage(row.id, row.campaign_id, row.recipient_key)


def _refused_reports_with(connection: sa.Connection, phone: str) -> Iterator[int]:
    search = PhoneSearch(phone)
    bodies = sa.select(report_refused.c.id, report_refused.c.content_type, report_refused.c.body)
    for row in connection.execute(bodies, execution_options={"yield_per": _ROWS_PER_FETCH // 10}):
        if search.is_in(row.body) or search.is_in(row.content_type.encode()):
            yield row.id
