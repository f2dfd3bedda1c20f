"""The suppression list: phones that no campaign may message, or none of one account."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.db.bulk import column_types, dialect_insert, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import suppression, suppression_pseudonym
from airflow_provider_rcs.store.privacy.pseudonyms import Pseudonyms, find_pseudonyms

ALL_ACCOUNTS = ""

_ROWS_PER_STATEMENT = 10_000
# SQLAlchemy drops the number of rows of an INSERT otherwise.
_COUNT = {"preserve_rowcount": True}
_PHONE = column_types(suppression, ["phone"])
_PSEUDONYM = column_types(suppression_pseudonym, ["pseudonym"])


@dataclass(frozen=True, slots=True)
class Suppression:
    """A suppressed phone.

    :param phone: in E.164; ``None`` if it was erased, so that only its pseudonym is known.
    :param account: the fingerprint of the only account that it concerns; empty for all accounts.
    """

    phone: str | None
    reason: str
    since: datetime
    account: str


def add_suppressions(engine: sa.Engine, phones: Collection[str], reason: str, account: str = ALL_ACCOUNTS) -> int:
    """Suppress phones, all of them or none, and return how many were not suppressed before.

    A phone that is suppressed already keeps its reason and date. One that was erased stays a pseudonym.

    :param phones: in E.164, each once.
    :param reason: why, for people.
    :param account: the fingerprint of the only account whose campaigns must not message them; empty for all.
    :raises RcsInputError: if ``reason`` is empty.
    """
    if not reason.strip():
        raise RcsInputError("reason", "it is empty", "Say why; campaigns record it with each message.")
    values = {"account": account, "reason": reason.strip(), "since": datetime.now(UTC)}
    added = 0
    with transaction(engine) as connection:
        dialect = connection.dialect.name
        pseudonyms = find_pseudonyms(connection)
        for batch in _batches(sorted(phones)):
            new = _without_erased(connection, pseudonyms, batch, account) if pseudonyms else batch
            parameter = rows_as_json(dialect, _PHONE, [(phone,) for phone in new])
            inserted = connection.execute(_insert_phones(connection), {**values, **parameter}, execution_options=_COUNT)
            added += inserted.rowcount
    return added


def remove_suppression(engine: sa.Engine, phone: str, account: str = ALL_ACCOUNTS) -> bool:
    """Remove the suppression of a phone, also if only its pseudonym is stored, and return whether there was one.

    Messages that it has suppressed already stay so.

    :param phone: in E.164.
    :param account: as it was added.
    """
    with transaction(engine) as connection:
        removed = connection.execute(
            suppression.delete().where(suppression.c.phone == phone, suppression.c.account == account)
        ).rowcount
        if pseudonyms := find_pseudonyms(connection):
            of_phone = suppression_pseudonym.c.pseudonym == pseudonyms.of(phone)
            removed += connection.execute(
                suppression_pseudonym.delete().where(of_phone, suppression_pseudonym.c.account == account)
            ).rowcount
    return removed > 0


def count_accounts_suppressing(engine: sa.Engine, phone: str) -> int:
    """Return for how many single accounts a phone is suppressed, whether or not it is for all."""
    with reading(engine) as connection:
        pseudonyms = find_pseudonyms(connection)
        keys = [(suppression.c.phone, phone)]
        if pseudonyms:
            keys.append((suppression_pseudonym.c.pseudonym, pseudonyms.of(phone)))
        accounts = [
            sa.select(column.table.c.account).where(column == key, column.table.c.account != ALL_ACCOUNTS)
            for column, key in keys
        ]
        return len(set(connection.execute(sa.union(*accounts)).scalars()))


def suppressions(engine: sa.Engine, account: str | None = None) -> Iterator[Suppression]:
    """Yield all suppressions, those of erased phones last.

    :param account: only those that concern this account; ``None`` for those of every account.
    """
    for column in (suppression.c.phone, suppression_pseudonym.c.pseudonym):
        table = column.table
        is_wanted = sa.true() if account is None else table.c.account.in_((ALL_ACCOUNTS, account))
        listed = sa.select(column, table.c.reason, table.c.since, table.c.account).where(is_wanted)
        with reading(engine) as connection:
            options = {"yield_per": _ROWS_PER_STATEMENT}
            for key, *values in connection.execute(listed.order_by(column), execution_options=options):
                yield Suppression(key if table is suppression else None, *values)


def _batches(phones: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(phones), _ROWS_PER_STATEMENT):
        yield phones[start : start + _ROWS_PER_STATEMENT]


def _without_erased(
    connection: sa.Connection, pseudonyms: Pseudonyms, phones: Sequence[str], account: str
) -> Sequence[str]:
    """Return the phones whose pseudonym is not suppressed: what was erased is not stored again."""
    phone_of = {pseudonyms.of(phone): phone for phone in phones}
    dialect = connection.dialect.name
    parameter = rows_as_json(dialect, _PSEUDONYM, [(each,) for each in phone_of])
    erased = set(connection.execute(_select_pseudonyms(dialect), {"of_account": account, **parameter}).scalars())
    return [phone for pseudonym, phone in phone_of.items() if pseudonym not in erased]


@cache
def _select_pseudonyms(dialect: str) -> sa.Select[Any]:
    given = sa.select(rows_from_json(dialect, _PSEUDONYM).c.pseudonym)
    of_account = suppression_pseudonym.c.account == sa.bindparam("of_account")
    return sa.select(suppression_pseudonym.c.pseudonym).where(of_account, suppression_pseudonym.c.pseudonym.in_(given))


def _insert_phones(connection: sa.Connection) -> Any:
    table = suppression.c
    same_for_all = [sa.bindparam(name, type_=table[name].type) for name in ("account", "reason", "since")]
    # Without a WHERE, SQLite reads the ON of ON CONFLICT as the condition of a join.
    phones = sa.select(rows_from_json(connection.dialect.name, _PHONE).c.phone, *same_for_all).where(sa.true())
    insert = dialect_insert(connection, suppression).from_select(["phone", "account", "reason", "since"], phones)
    return insert.on_conflict_do_nothing(index_elements=["phone", "account"])
