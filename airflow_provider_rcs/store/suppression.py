"""Suppression: who must not be messaged, and who has been messaged enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaigns import Campaign
from airflow_provider_rcs.store.engine import reading, transaction
from airflow_provider_rcs.store.hash_keys import find_hashes
from airflow_provider_rcs.store.tables import (
    exclusion,
    exclusion_hash,
    message,
    request,
    store,
    suppression,
    suppression_hash,
)
from airflow_provider_rcs.store.upsert import insert_or_ignore

EXCLUDED = "excluded by exclude_sql"
_COUNTED_STATES = (MessageState.SENDING, MessageState.ACCEPTED, MessageState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """How often a phone may be messaged, over all campaigns of the store.

    :param at_most: how many messages.
    :param within: in which stretch of time, counted back from now.
    """

    at_most: int
    within: timedelta

    @property
    def reason(self) -> str:
        """Why a message is suppressed by it."""
        hours = self.within / timedelta(hours=1)
        stretch = f"{self.within.days} days" if hours % 24 == 0 else f"{hours:g} hours"
        return f"frequency cap: at most {self.at_most} within {stretch}"


def exclude(engine: sa.Engine, campaign: Campaign, phones: Sequence[str]) -> None:
    """Note that a campaign must not message these phones, whichever attempt lists them.

    To be told before they are listed: a claim of any attempt suppresses those that it knows of.

    :param phones: E.164 digits, each once.
    """
    rows = [{"campaign_id": campaign.id, "phone": phone} for phone in phones]
    with transaction(engine) as connection:
        insert_or_ignore(connection, exclusion, rows, key=["campaign_id", "phone"])


def foresee(
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
            **reasons_against(connection, campaign_id, out, None),
            **reasons_against(connection, campaign_id, others, cap),
        }


def lock_for_cap(connection: sa.Connection) -> None:
    """Make claims under a cap take turns until the transaction ends, also those of different campaigns.

    Else two campaigns could each find that a phone has room for one message more. Taken before a campaign's lock.
    """
    connection.execute(sa.select(store.c.id).with_for_update())


def reasons_against(
    connection: sa.Connection, campaign_id: int | None, phones: Sequence[str], cap: FrequencyCap | None
) -> dict[str, str]:
    """Return who of these phones the campaign must not message now, erased ones too: phone -> reason.

    :param campaign_id: the campaign's; ``None`` for one that is not begun.
    :param cap: counts also messages in doubt, because they may have arrived.
    """
    against = _listed(connection, campaign_id, phones, exclusion.c.phone, suppression.c.phone)
    messages = Counter(_recent_messages(connection, phones, cap))
    # Asked after the phones themselves: who is replaced by a hash meanwhile is found twice, and not overlooked.
    if hashes := find_hashes(connection):
        phone_of = {hashes.of(phone): phone for phone in phones}
        hashed = _listed(connection, campaign_id, list(phone_of), exclusion_hash.c.hash, suppression_hash.c.hash)
        against = {**{phone_of[each]: reason for each, reason in hashed.items()}, **against}
        messages.update({phone_of[key]: count for key, count in _recent_messages(connection, phone_of, cap).items()})
    capped = {phone: cap.reason for phone, count in messages.items() if count >= cap.at_most} if cap else {}
    return {**capped, **against}


def _listed(
    connection: sa.Connection,
    campaign_id: int | None,
    people: Sequence[str],
    excluded: sa.Column[str],
    suppressed: sa.Column[str],
) -> dict[str, str]:
    """Return which of these people, known by phones or by hashes, are excluded or suppressed: whom -> reason."""
    from_campaign = sa.select(excluded).where(excluded.table.c.campaign_id == campaign_id, excluded.in_(people))
    from_all = sa.select(suppressed, suppressed.table.c.reason).where(suppressed.in_(people))
    against = dict.fromkeys(connection.execute(from_campaign).scalars(), EXCLUDED)
    return against | {person: f"suppressed: {reason}" for person, reason in connection.execute(from_all)}


def _recent_messages(
    connection: sa.Connection, recipient_keys: Collection[str], cap: FrequencyCap | None
) -> dict[str, int]:
    """Return how many messages count against a cap: recipient key -> messages."""
    if cap is None:
        return {}
    since = datetime.now(UTC) - cap.within
    recent = sa.select(request.c.campaign_id).where(request.c.claimed_at >= since)
    counts = (
        sa.select(message.c.recipient_key, sa.func.count().label("messages"))
        .join(request, request.c.id == message.c.request_id)
        .where(
            message.c.campaign_id.in_(recent),
            message.c.recipient_key.in_(recipient_keys),
            message.c.state.in_(_COUNTED_STATES),
            request.c.claimed_at >= since,
        )
        .group_by(message.c.recipient_key)
    )
    return {row.recipient_key: row.messages for row in connection.execute(counts)}
