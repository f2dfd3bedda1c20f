"""Suppression: who must not be messaged, and who has been messaged enough."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaigns import Campaign
from airflow_provider_rcs.store.engine import reading, transaction
from airflow_provider_rcs.store.row_sets import columns_of, row_parameter, row_set
from airflow_provider_rcs.store.tables import exclusion, message, request, store, suppression
from airflow_provider_rcs.store.upsert import insert_or_ignore

EXCLUDED = "excluded by exclude_sql"
_PHONES = columns_of(suppression, ["phone"])
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
    """Return who of these phones the campaign must not message now: phone -> reason.

    :param campaign_id: the campaign's; ``None`` for one that is not begun.
    :param cap: counts also messages in doubt, because they may have arrived.
    """
    dialect = connection.dialect.name
    given = row_parameter(dialect, _PHONES, [(phone,) for phone in phones]) | {"campaign": campaign_id}
    named = connection.execute(_named(dialect), given)
    against = {row.phone: EXCLUDED if row.reason is None else f"suppressed: {row.reason}" for row in named}
    if cap is None:
        return against
    given_and_cap = given | {"since": datetime.now(UTC) - cap.within, "most": cap.at_most}
    return {**dict.fromkeys(connection.execute(_capped(dialect), given_and_cap).scalars(), cap.reason), **against}


@cache
def _named(dialect: str) -> sa.CompoundSelect[Any]:
    """Who is excluded, without a reason, and who is suppressed: it is the latter that is told of who is both."""
    phones = sa.select(row_set(dialect, _PHONES).c.phone)
    of_campaign = exclusion.c.campaign_id == sa.bindparam("campaign", type_=exclusion.c.campaign_id.type)
    excluded = sa.select(exclusion.c.phone, sa.null().label("reason"), sa.literal(1).label("place"))
    suppressed = sa.select(suppression.c.phone, suppression.c.reason, sa.literal(2))
    return sa.union_all(
        excluded.where(of_campaign, exclusion.c.phone.in_(phones)),
        suppressed.where(suppression.c.phone.in_(phones)),
    ).order_by("place")


@cache
def _capped(dialect: str) -> sa.Select[Any]:
    lately = request.c.claimed_at >= sa.bindparam("since", type_=request.c.claimed_at.type)
    return (
        sa.select(message.c.recipient_key)
        .join(request, request.c.id == message.c.request_id)
        .where(
            message.c.campaign_id.in_(sa.select(request.c.campaign_id).where(lately)),
            message.c.recipient_key.in_(sa.select(row_set(dialect, _PHONES).c.phone)),
            message.c.state.in_(_COUNTED_STATES),
            lately,
        )
        .group_by(message.c.recipient_key)
        .having(sa.func.count() >= sa.bindparam("most", type_=sa.Integer))
    )
