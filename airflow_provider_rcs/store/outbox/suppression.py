"""Suppression, at a claim, of recipients who must not be messaged: suppressed phones and frequency caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import message, store, suppression, suppression_pseudonym
from airflow_provider_rcs.store.outbox.frequency_caps import (
    CountNear,
    count_messages_near,
    count_messages_of_near_campaigns,
)
from airflow_provider_rcs.store.privacy.pseudonyms import Pseudonyms

_FEW_PHONES = 100
_KEY_COLUMN = column_types(message, ["recipient_key"])


def preview_suppressions(
    engine: sa.Engine,
    account: str,
    phones: Sequence[str],
    cap: FrequencyCap | None,
    send_at: datetime | None = None,
) -> dict[str, str]:
    """Return which of these phones a claim would suppress now, without writing anything: phone -> reason.

    :param account: the account that the campaign is sent with.
    :param send_at: the campaign's date; ``None`` for at once.
    """
    with reading(engine) as connection:
        return suppression_reasons(connection, account, phones, cap, send_at)


def suppression_reasons(
    connection: sa.Connection,
    account: str,
    phones: Sequence[str],
    cap: FrequencyCap | None,
    send_at: datetime | None = None,
) -> dict[str, str]:
    """Return which of these phones a campaign must not message now, including erased ones: phone -> reason.

    :param account: the account that the campaign is sent with.
    :param send_at: the campaign's date, by which the cap counts; ``None`` for at once.
    """
    dialect = connection.dialect.name
    found = connection.execute(_among_phones(dialect), _keys_parameter(dialect, phones) | {"of_account": account}).all()
    reasons = {row.phone: f"suppressed: {row.reason}" for row in found if row.phone}
    key = found[0].pseudonym_key
    capped = {} if cap is None else dict.fromkeys(_over_cap(connection, phones, cap, send_at, key), cap.reason)
    # Pseudonyms are queried last: a phone that is pseudonymised meanwhile is then found twice, and never missed.
    if key:
        pseudonyms = Pseudonyms(key)
        phone_of = {pseudonyms.of(phone): phone for phone in phones}
        parameters = _keys_parameter(dialect, phone_of) | {"of_account": account}
        erased = connection.execute(_among_pseudonyms(dialect), parameters)
        reasons = {**{phone_of[row.pseudonym]: f"suppressed: {row.reason}" for row in erased}, **reasons}
    return {**capped, **reasons}


def _over_cap(
    connection: sa.Connection, phones: Sequence[str], cap: FrequencyCap, send_at: datetime | None, key: str | None
) -> Sequence[str]:
    """Return which of these phones have as many messages near as a cap allows.

    :param key: the key of the store's pseudonyms; ``None`` if it has none.
    """
    # Most phones are far from their cap, and need no exact count; for a few phones, it is the cheaper one.
    counts_in_turn = (count_messages_of_near_campaigns, count_messages_near)
    for count in counts_in_turn if len(phones) > _FEW_PHONES else counts_in_turn[1:]:
        if not phones:
            break
        counts = _count_near(connection, count, phones, cap, send_at, key)
        phones = [phone for phone in phones if counts.get(phone, 0) >= cap.at_most]
    return phones


def _count_near(
    connection: sa.Connection,
    count: CountNear,
    phones: Sequence[str],
    cap: FrequencyCap,
    send_at: datetime | None,
    key: str | None,
) -> Mapping[str, int]:
    """Return how many messages of these phones count against a cap, by phone and by pseudonym: phone -> messages."""
    if key is None:
        counted = count(connection, phones, cap, send_at, cap.at_most)
        if counted.pseudonym_key is None:
            return counted.messages
        # The first person was erased meanwhile.
        return _count_near(connection, count, phones, cap, send_at, counted.pseudonym_key)
    # Of a phone that is known by both, any message matters.
    by_phone = Counter(count(connection, phones, cap, send_at, 1).messages)
    pseudonyms = Pseudonyms(key)
    phone_of = {pseudonyms.of(phone): phone for phone in phones}
    for pseudonym, messages in count(connection, list(phone_of), cap, send_at, 1).messages.items():
        by_phone[phone_of[pseudonym]] += messages
    return by_phone


@cache
def _among_phones(dialect: str) -> sa.Select[Any]:
    """Return a query of suppressed phones, each with the key of the pseudonyms; of the key alone if there are none."""
    suppressed = _select_reasons(dialect, suppression.c.phone).subquery()
    in_order = sa.select(store.c.pseudonym_key, suppressed.c.phone, suppressed.c.reason)
    return in_order.select_from(store.outerjoin(suppressed, sa.true())).order_by(suppressed.c.account.desc())


@cache
def _among_pseudonyms(dialect: str) -> sa.Select[Any]:
    account = suppression_pseudonym.c.account
    return _select_reasons(dialect, suppression_pseudonym.c.pseudonym).order_by(account.desc())


def _select_reasons(dialect: str, suppressed: sa.Column[str]) -> sa.Select[Any]:
    table = suppressed.table
    concerns_account = table.c.account.in_(("", sa.bindparam("of_account", type_=table.c.account.type)))
    # To be ordered by account: those of the account come first, so that those of all accounts replace them.
    return sa.select(suppressed, table.c.reason, table.c.account).where(
        suppressed.in_(_keys(dialect)), concerns_account
    )


def _keys(dialect: str) -> sa.Select[Any]:
    return sa.select(rows_from_json(dialect, _KEY_COLUMN).c.recipient_key)


def _keys_parameter(dialect: str, keys: Collection[str]) -> dict[str, Any]:
    return dict(rows_as_json(dialect, _KEY_COLUMN, [(key,) for key in keys]))
