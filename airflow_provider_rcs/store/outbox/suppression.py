"""Suppression, at a claim, of recipients who must not be messaged: suppressed phones and frequency caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import message, request, store, suppression, suppression_pseudonym
from airflow_provider_rcs.store.privacy.pseudonyms import find_pseudonyms

_KEY_COLUMN = column_types(message, ["recipient_key"])
# Messages in doubt count against a frequency cap too, because they may have been delivered.
_STATES_UNDER_CAP = (MessageState.SENDING, MessageState.ACCEPTED, MessageState.IN_DOUBT)


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


def lock_frequency_caps(connection: sa.Connection) -> None:
    """Let only one claim with a frequency cap run at a time, across campaigns, until the transaction ends.

    Otherwise two campaigns could both find that a phone may get one more message. Lock this before any campaign.
    """
    connection.execute(sa.select(store.c.id).with_for_update())


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
    reasons = _suppressed(connection, account, phones, _among_phones)
    counts = Counter(_messages_near(connection, phones, cap, send_at))
    # Pseudonyms are queried last: a phone that is pseudonymised meanwhile is then found twice, and never missed.
    if pseudonyms := find_pseudonyms(connection):
        phone_of = {pseudonyms.of(phone): phone for phone in phones}
        erased = _suppressed(connection, account, phone_of, _among_pseudonyms)
        reasons = {**{phone_of[key]: reason for key, reason in erased.items()}, **reasons}
        near = _messages_near(connection, phone_of, cap, send_at)
        counts.update({phone_of[key]: count for key, count in near.items()})
    capped = {phone: cap.reason for phone, count in counts.items() if count >= cap.at_most} if cap else {}
    return {**capped, **reasons}


def _suppressed(
    connection: sa.Connection, account: str, keys: Collection[str], statement: Callable[[str], sa.Select[Any]]
) -> dict[str, str]:
    """Return which of these phones or pseudonyms are suppressed: key -> reason."""
    dialect = connection.dialect.name
    found = connection.execute(statement(dialect), _keys_parameter(dialect, keys) | {"of_account": account})
    return {key: f"suppressed: {reason}" for key, reason in found}


def _messages_near(
    connection: sa.Connection, recipient_keys: Collection[str], cap: FrequencyCap | None, send_at: datetime | None
) -> dict[str, int]:
    """Return how many messages count against the cap: recipient key -> messages."""
    if cap is None:
        return {}
    dialect, now = connection.dialect.name, datetime.now(UTC)
    goes_out_at = now if send_at is None else max(send_at, now)
    period = {"after": goes_out_at - cap.within, "before": goes_out_at + cap.within}
    counts = connection.execute(_count_messages(dialect), _keys_parameter(dialect, recipient_keys) | period)
    return {row.recipient_key: row.messages for row in counts}


@cache
def _among_phones(dialect: str) -> sa.Select[Any]:
    return _select_reasons(dialect, suppression.c.phone)


@cache
def _among_pseudonyms(dialect: str) -> sa.Select[Any]:
    return _select_reasons(dialect, suppression_pseudonym.c.pseudonym)


def _select_reasons(dialect: str, suppressed: sa.Column[str]) -> sa.Select[Any]:
    table = suppressed.table
    concerns_account = table.c.account.in_(("", sa.bindparam("of_account", type_=table.c.account.type)))
    # Suppressions of the account come first, so that those of all accounts replace them.
    return (
        sa.select(suppressed, table.c.reason)
        .where(suppressed.in_(_keys(dialect)), concerns_account)
        .order_by(table.c.account.desc())
    )


@cache
def _count_messages(dialect: str) -> sa.Select[Any]:
    moment = request.c.claimed_at.type
    # A message goes out at its campaign's date. After that date, it goes out when it is handed over.
    is_held = campaigns.c.send_at > request.c.claimed_at
    goes_out_at = sa.case((is_held, campaigns.c.send_at), else_=request.c.claimed_at)
    # A message exactly as far away as the period is long does not count: weekly campaigns have weekly dates.
    is_near = sa.and_(
        goes_out_at > sa.bindparam("after", type_=moment), goes_out_at < sa.bindparam("before", type_=moment)
    )
    of_campaign = campaigns.c.id == request.c.campaign_id
    return (
        sa.select(message.c.recipient_key, sa.func.count().label("messages"))
        .join(request, request.c.id == message.c.request_id)
        .join(campaigns, of_campaign)
        .where(
            message.c.campaign_id.in_(sa.select(request.c.campaign_id).join(campaigns, of_campaign).where(is_near)),
            message.c.recipient_key.in_(_keys(dialect)),
            message.c.state.in_(_STATES_UNDER_CAP),
            is_near,
        )
        .group_by(message.c.recipient_key)
    )


def _keys(dialect: str) -> sa.Select[Any]:
    return sa.select(rows_from_json(dialect, _KEY_COLUMN).c.recipient_key)


def _keys_parameter(dialect: str, keys: Collection[str]) -> dict[str, Any]:
    return dict(rows_as_json(dialect, _KEY_COLUMN, [(key,) for key in keys]))
