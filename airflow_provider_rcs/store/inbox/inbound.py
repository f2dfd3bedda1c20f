"""Messages of people, such as replies to a campaign: landed as they come, and folded to find what they reply to."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.models import InboundMessage
from airflow_provider_rcs.api.opt_out import opt_out_word
from airflow_provider_rcs.store.db.bulk import ColumnTypes, column_types, dialect_insert, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.inbox_tables import inbound
from airflow_provider_rcs.store.db.tables import erasure, message
from airflow_provider_rcs.store.inbox.opt_outs import OptOut, RepliedMessage, read_opt_out_phone, suppress_opt_outs
from airflow_provider_rcs.store.inbox.phone_matching import NamedByPhone, find_messages_by_phone
from airflow_provider_rcs.store.privacy.pseudonyms import ANONYMOUS_INBOUND, IS_PSEUDONYMISED, find_pseudonyms

if TYPE_CHECKING:
    from airflow_provider_rcs.store.inbox.landing import ReceivedReports

log = logging.getLogger(__name__)

_COLUMNS = column_types(
    inbound, ("digest", "received_at", *InboundMessage._fields, "opt_out", "is_unapplied", "reports_conn_id", "account")
)
_MESSAGE_OF: ColumnTypes = column_types(inbound, ("id", "message_id"))

_REPLIES_PER_FOLD = 5_000


def land_inbound(
    connection: sa.Connection, received: Iterable[ReceivedReports], opt_out_words: Collection[str]
) -> None:
    """Insert the messages of people, and suppress the phones of those who opted out.

    A message that is the same in all that the service sent is a repeated delivery, and changes nothing: not even a
    suppression that was removed since the first one. An opt-out whose phone cannot be read in exactly one way waits,
    unapplied, for the fold.
    """
    rows: dict[str, tuple[Any, ...]] = {}
    opt_outs: dict[str, OptOut] = {}
    for push in received:
        for each in push.inbound:
            digest = _digest(each)
            word = opt_out_word(each.text, opt_out_words)
            phone = read_opt_out_phone(each.phone) if word else ""
            is_unapplied = bool(word and not phone)
            rows.setdefault(digest, (digest, push.received_at, *each, word, is_unapplied, *push.let_in_by))
            if phone:
                opt_outs.setdefault(digest, OptOut(phone, word, push.received_at))
    if rows:
        dialect = connection.dialect.name
        # In the order of their digests, so that two processes cannot deadlock.
        parameter = rows_as_json(dialect, _COLUMNS, [rows[digest] for digest in sorted(rows)])
        new = connection.execute(_insert(connection), parameter).scalars().all()
        suppress_opt_outs(connection, [opt_outs[digest] for digest in new if digest in opt_outs])


def read_landed_inbound(connection: sa.Connection, *, unapplied: bool) -> Sequence[sa.Row[Any]]:
    """Return messages of people that have landed and are not folded; at most 5,000.

    :param unapplied: return the opt-outs that suppress no phone instead, folded or not.
    """
    condition = inbound.c.is_unapplied if unapplied else inbound.c.fold.is_(None)
    return connection.execute(sa.select(inbound).where(condition).order_by(inbound.c.id).limit(_REPLIES_PER_FOLD)).all()


def fold_inbound(
    connection: sa.Connection,
    fold_number: int,
    landed: Sequence[sa.Row[Any]],
    replied: Mapping[int, RepliedMessage],
) -> None:
    """Find the messages that people replied to, apply opt-outs that waited, and remove data that must not be kept.

    :param fold_number: the number of a new fold.
    :param landed: rows of ``rcs_inbound``.
    :param replied: the messages of those whose phone cannot be read: id -> message.
    """
    of_fold = inbound.c.id.in_([each.id for each in landed])
    connection.execute(inbound.update().where(of_fold).values(fold=fold_number))
    named = [
        NamedByPhone(each.id, each.phone, each.message_reference, each.api_message_id, "", each.account)
        for each in landed
    ]
    of_messages = dict(find_messages_by_phone(connection, named))
    of_messages |= {each: found.message_id for each, found in replied.items() if found.message_id is not None}
    if of_messages:
        dialect = connection.dialect.name
        connection.execute(_set_messages(dialect), rows_as_json(dialect, _MESSAGE_OF, list(of_messages.items())))
    _apply_opt_outs(connection, [each for each in landed if each.is_unapplied], replied)
    _pseudonymise(connection, of_fold, landed)


def _apply_opt_outs(
    connection: sa.Connection, unapplied: Sequence[sa.Row[Any]], replied: Mapping[int, RepliedMessage]
) -> None:
    applied = [each for each in unapplied if each.id in replied]
    suppress_opt_outs(
        connection, [OptOut(replied[each.id].recipient_key, each.opt_out, each.received_at) for each in applied]
    )
    if applied:
        is_applied = inbound.c.id.in_([each.id for each in applied])
        connection.execute(inbound.update().where(is_applied).values(is_unapplied=False))
    if new := sum(each.fold is None for each in unapplied) - sum(each.fold is None for each in applied):
        log.error(
            "%s opted out by a reply whose phone cannot be read, and which names no message of the store: no "
            "phone is suppressed for them. See: airflow-rcs campaigns",
            counted(new, "person", "people"),
        )


def _pseudonymise(connection: sa.Connection, of_fold: sa.ColumnElement[bool], landed: Sequence[sa.Row[Any]]) -> None:
    """Remove personal data from replies to pseudonymised messages, and from those of erased people."""
    pseudonyms = find_pseudonyms(connection)
    if pseudonyms is None:
        return
    is_pseudonymised = sa.exists().where(message.c.id == inbound.c.message_id, IS_PSEUDONYMISED)
    pseudonym_of = {each.id: pseudonyms.of(each.phone) for each in landed if each.phone}
    known = sa.select(erasure.c.pseudonym).where(erasure.c.pseudonym.in_(set(pseudonym_of.values())))
    of_erased = set(connection.execute(known).scalars())
    erased = [each for each, pseudonym in pseudonym_of.items() if pseudonym in of_erased]
    is_erased = sa.or_(is_pseudonymised, inbound.c.id.in_(erased)) if erased else is_pseudonymised
    connection.execute(inbound.update().where(of_fold, is_erased).values(ANONYMOUS_INBOUND))


def _digest(each: InboundMessage) -> str:
    return sha256(orjson.dumps(tuple(each), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _insert(connection: sa.Connection) -> Any:
    rows = rows_from_json(connection.dialect.name, _COLUMNS)
    # With a WHERE, because SQLite would read the ON of ON CONFLICT as the condition of a join.
    insert = dialect_insert(connection, inbound).from_select(list(_COLUMNS), sa.select(*rows.c).where(sa.true()))
    return insert.on_conflict_do_nothing(index_elements=["digest"]).returning(inbound.c.digest)


@cache
def _set_messages(dialect: str) -> sa.Update:
    rows = rows_from_json(dialect, _MESSAGE_OF)
    return inbound.update().where(inbound.c.id == rows.c.id).values(message_id=rows.c.message_id)
