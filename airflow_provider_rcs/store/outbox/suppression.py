"""Suppression: who must not be messaged, and who has been messaged enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence, Set
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign
from airflow_provider_rcs.store.db.bulk import column_types, insert_or_ignore, rows_from_json, rows_as_json
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import (
    exclusion,
    exclusion_pseudonym,
    message,
    request,
    store,
    suppression,
    suppression_pseudonym,
)
from airflow_provider_rcs.store.privacy.pseudonyms import find_pseudonyms

EXCLUDED = "excluded by exclude_sql"


_PEOPLE = column_types(message, ["recipient_key"])


_COUNTED_STATES = (MessageState.SENDING, MessageState.ACCEPTED, MessageState.IN_DOUBT)


def record_exclusions(engine: sa.Engine, campaign: Campaign, phones: Sequence[str]) -> None:
    """Note that a campaign must not message these phones, whichever attempt lists them.

    To be told before they are listed: a claim of any attempt suppresses those that it knows of.

    :param phones: E.164 digits, each once.
    """
    rows = [{"campaign_id": campaign.id, "phone": phone} for phone in phones]
    with transaction(engine) as connection:
        insert_or_ignore(connection, exclusion, rows, key=["campaign_id", "phone"])


def preview_suppressions(
    engine: sa.Engine, campaign: Campaign | None, phones: Sequence[str], excluded: Set[str], cap: FrequencyCap | None
) -> dict[str, str]:
    """Return who of these phones a claim would suppress now: phone -> reason. Nothing is written.

    :param campaign: the campaign, if it has been begun.
    :param excluded: phones that the campaign's next attempt would exclude.
    """
    campaign_id = None if campaign is None else campaign.id
    out = [phone for phone in phones if phone in excluded]
    others = [phone for phone in phones if phone not in excluded]
    with reading(engine) as connection:
        return {
            **dict.fromkeys(out, EXCLUDED),
            **suppression_reasons(connection, campaign_id, out, None),
            **suppression_reasons(connection, campaign_id, others, cap),
        }


def lock_frequency_caps(connection: sa.Connection) -> None:
    """Make claims under a cap take turns until the transaction ends, also those of different campaigns.

    Else two campaigns could each find that a phone has room for one message more. Taken before a campaign's lock.
    """
    connection.execute(sa.select(store.c.id).with_for_update())


def suppression_reasons(
    connection: sa.Connection, campaign_id: int | None, phones: Sequence[str], cap: FrequencyCap | None
) -> dict[str, str]:
    """Return who of these phones the campaign must not message now, erased ones too: phone -> reason.

    :param campaign_id: the campaign's; ``None`` for one that is not begun.
    :param cap: counts also messages in doubt, because they may have arrived.
    """
    against = _listed(connection, campaign_id, phones, _among_phones)
    messages = Counter(_recent_messages(connection, phones, cap))
    # Asked after the phones themselves: who is replaced by a hash meanwhile is found twice, and not overlooked.
    if hashes := find_pseudonyms(connection):
        phone_of = {hashes.of(phone): phone for phone in phones}
        hashed = _listed(connection, campaign_id, phone_of, _among_hashes)
        against = {**{phone_of[each]: reason for each, reason in hashed.items()}, **against}
        messages.update({phone_of[key]: count for key, count in _recent_messages(connection, phone_of, cap).items()})
    capped = {phone: cap.reason for phone, count in messages.items() if count >= cap.at_most} if cap else {}
    return {**capped, **against}


def _listed(
    connection: sa.Connection,
    campaign_id: int | None,
    people: Collection[str],
    among: Callable[[str], sa.CompoundSelect[Any]],
) -> dict[str, str]:
    """Return which of these people, known by phones or by hashes, are excluded or suppressed: whom -> reason."""
    dialect = connection.dialect.name
    named = connection.execute(among(dialect), _given(dialect, people) | {"campaign": campaign_id})
    return {person: EXCLUDED if reason is None else f"suppressed: {reason}" for person, reason, _ in named}


def _recent_messages(
    connection: sa.Connection, recipient_keys: Collection[str], cap: FrequencyCap | None
) -> dict[str, int]:
    """Return how many messages count against a cap: recipient key -> messages."""
    if cap is None:
        return {}
    dialect = connection.dialect.name
    since = {"since": datetime.now(UTC) - cap.within}
    counts = connection.execute(_sent_lately(dialect), _given(dialect, recipient_keys) | since)
    return {row.recipient_key: row.messages for row in counts}


@cache
def _among_phones(dialect: str) -> sa.CompoundSelect[Any]:
    return _excluded_or_suppressed(dialect, exclusion.c.phone, suppression.c.phone)


@cache
def _among_hashes(dialect: str) -> sa.CompoundSelect[Any]:
    return _excluded_or_suppressed(dialect, exclusion_pseudonym.c.pseudonym, suppression_pseudonym.c.pseudonym)


def _excluded_or_suppressed(
    dialect: str, excluded: sa.Column[str], suppressed: sa.Column[str]
) -> sa.CompoundSelect[Any]:
    """Who is excluded, without a reason, and who is suppressed: it is the latter that is told of who is both."""
    campaign_id = excluded.table.c.campaign_id
    from_campaign = sa.select(excluded, sa.null().label("reason"), sa.literal(1).label("place")).where(
        campaign_id == sa.bindparam("campaign", type_=campaign_id.type), excluded.in_(_people(dialect))
    )
    from_all = sa.select(suppressed, suppressed.table.c.reason, sa.literal(2)).where(suppressed.in_(_people(dialect)))
    return sa.union_all(from_campaign, from_all).order_by("place")


@cache
def _sent_lately(dialect: str) -> sa.Select[Any]:
    lately = request.c.claimed_at >= sa.bindparam("since", type_=request.c.claimed_at.type)
    return (
        sa.select(message.c.recipient_key, sa.func.count().label("messages"))
        .join(request, request.c.id == message.c.request_id)
        .where(
            message.c.campaign_id.in_(sa.select(request.c.campaign_id).where(lately)),
            message.c.recipient_key.in_(_people(dialect)),
            message.c.state.in_(_COUNTED_STATES),
            lately,
        )
        .group_by(message.c.recipient_key)
    )


def _people(dialect: str) -> sa.Select[Any]:
    return sa.select(rows_from_json(dialect, _PEOPLE).c.recipient_key)


def _given(dialect: str, people: Collection[str]) -> dict[str, Any]:
    return dict(rows_as_json(dialect, _PEOPLE, [(person,) for person in people]))
