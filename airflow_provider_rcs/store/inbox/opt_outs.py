"""Opt-outs by reply: the phone of a person who replied with one of the configured words is suppressed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.recipients.numbering import Kind, international_number, national_number
from airflow_provider_rcs.recipients.phones import could_be_phone
from airflow_provider_rcs.store.db.bulk import insert_or_ignore
from airflow_provider_rcs.store.db.tables import campaign, erasure, message, suppression, suppression_pseudonym
from airflow_provider_rcs.store.outbox.suppression_list import ALL_ACCOUNTS
from airflow_provider_rcs.store.privacy.pseudonyms import PSEUDONYM_PREFIX, find_pseudonyms

_WRITTEN_AS_PHONE = re.compile(r"\(?\+?[0-9][0-9 ()-]*")
# National numbers of mobiles in Spain, where the service is (assumed: it writes all phones with the country code).
_NATIONAL_MOBILE = re.compile("[67][0-9]{8}")
_REGION = "ES"


class OptOut(NamedTuple):
    """A person who opted out by a reply.

    :param recipient_key: the phone in E.164, or its pseudonym.
    :param word: the word of the reply, as it is configured.
    :param at: when the reply was received.
    """

    recipient_key: str
    word: str
    at: datetime


class RepliedMessage(NamedTuple):
    """The message that a reply without a readable phone names.

    :param recipient_key: the phone of its recipient, or the pseudonym.
    :param message_id: its id; ``None`` if several messages to the recipient are meant.
    """

    recipient_key: str
    message_id: int | None


def read_opt_out_phone(text: str) -> str:
    """Return the phone of a person who opted out in E.164; empty if the text has not exactly one reading.

    :param text: digits with the country code, as the service writes phones (sure), or a national number of a mobile in
        Spain.
    """
    if not _WRITTEN_AS_PHONE.fullmatch(text.strip()):
        return ""
    digits = re.sub("[^0-9]", "", text).removeprefix("00")
    readings = {number.phone for number in (international_number(digits),) if number}
    if _NATIONAL_MOBILE.fullmatch(digits):
        national = national_number(digits, _REGION)
        readings |= {national.phone} if national and national.kind is Kind.MOBILE else set()
    return readings.pop() if len(readings) == 1 else ""


def suppress_opt_outs(connection: sa.Connection, opt_outs: Sequence[OptOut]) -> None:
    """Suppress people who opted out, for all accounts; an earlier suppression stays as it is.

    Of a person who was erased, only the pseudonym is stored.
    """
    if not opt_outs:
        return
    erased = _pseudonyms_of_erased(connection, [each.recipient_key for each in opt_outs])
    phones: dict[str, dict[str, Any]] = {}
    pseudonyms: dict[str, dict[str, Any]] = {}
    # In the order of their keys, so that two processes cannot deadlock.
    for each in sorted(opt_outs):
        key = erased.get(each.recipient_key, each.recipient_key)
        column, found = ("pseudonym", pseudonyms) if key.startswith(PSEUDONYM_PREFIX) else ("phone", phones)
        reason = opt_out_reason(each.word)
        found.setdefault(key, {column: key, "account": ALL_ACCOUNTS, "reason": reason, "since": each.at})
    insert_or_ignore(connection, suppression, list(phones.values()), ["phone", "account"])
    insert_or_ignore(connection, suppression_pseudonym, list(pseudonyms.values()), ["pseudonym", "account"])


def find_replied_messages(connection: sa.Connection, replies: Sequence[sa.Row[Any]]) -> Mapping[int, RepliedMessage]:
    """Return the message that each reply answers, if it names one recipient only: id of the reply -> message.

    Reads all messages, so only opt-outs whose phone cannot be read are looked up.

    :param replies: rows of ``rcs_inbound``.
    """
    ids = {each.api_message_id for each in replies} - {""}
    references = {each.message_reference for each in replies} - {""}
    if not (ids or references):
        return {}
    columns = (message.c.id, message.c.recipient_key, message.c.reference, message.c.api_message_id, campaign.c.account)
    is_named = sa.or_(message.c.api_message_id.in_(ids), message.c.reference.in_(references))
    of_campaign = campaign.c.id == message.c.campaign_id
    named_by_any = sa.select(*columns).join(campaign, of_campaign).where(message.c.request_id.is_not(None), is_named)
    sent_by_all = connection.execute(named_by_any).all()
    found = {}
    for reply in replies:
        sent = [each for each in sent_by_all if reply.account in ("", each.account)]
        by_id = [each for each in sent if reply.api_message_id and each.api_message_id == reply.api_message_id]
        by_reference = [each for each in sent if reply.message_reference and each.reference == reply.message_reference]
        # Where both are known, they must agree.
        named = [each for each in by_id if each in by_reference] if by_id and by_reference else by_id or by_reference
        keys = {each.recipient_key for each in named}
        if len(keys) == 1 and all(_may_be(reply.phone, key) for key in keys):
            found[reply.id] = RepliedMessage(keys.pop(), named[0].id if len(named) == 1 else None)
    return found


def opt_out_reason(word: str) -> str:
    """Return the reason of a suppression for people; word is the whole reply, as it is configured."""
    return f'opted out by replying "{word}"'


def _may_be(text: str, recipient_key: str) -> bool:
    """Return whether a phone as received does not contradict that a reply is of this recipient."""
    has_digits = any(each.isdecimal() for each in text)
    return not has_digits or not recipient_key.startswith("+") or could_be_phone(text, recipient_key)


def _pseudonyms_of_erased(connection: sa.Connection, phones: Sequence[str]) -> dict[str, str]:
    """Return which of these phones were erased, or are suppressed by pseudonym: phone -> pseudonym."""
    pseudonyms = find_pseudonyms(connection)
    if pseudonyms is None:
        return {}
    phone_of = {pseudonyms.of(phone): phone for phone in phones}
    known = sa.union(
        sa.select(erasure.c.pseudonym).where(erasure.c.pseudonym.in_(phone_of)),
        sa.select(suppression_pseudonym.c.pseudonym).where(suppression_pseudonym.c.pseudonym.in_(phone_of)),
    )
    return {phone_of[each]: each for each in connection.execute(known).scalars()}
