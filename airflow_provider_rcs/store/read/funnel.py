"""The funnel of a campaign: its recipients by state, delivery status and reason, from the counts in the store."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsTooManyFailuresError
from airflow_provider_rcs.api.outcomes import REJECTED_BY_SERVICE
from airflow_provider_rcs.api.statuses import DELIVERED_STATUSES, DeliveryStatus, MessageState
from airflow_provider_rcs.store.db.count_tables import campaign_count
from airflow_provider_rcs.store.db.engine import reading_once
from airflow_provider_rcs.store.db.tables import campaign

_COUNT_COLUMNS = ("state", "reason", "delivery_status", "delivery_channel", "messages", "repeats")

_STATES = {str(state): state for state in MessageState}
_STATUSES = {str(status): status for status in DeliveryStatus}


@dataclass(frozen=True, slots=True)
class Funnel:
    """The recipients of a campaign, counted.

    :param states: message state -> recipients; contains every state.
    :param statuses: delivery status -> accepted messages; contains every status.
    :param unreported: accepted messages without a report.
    :param reasons: why recipients were rejected or suppressed, or are in doubt: state -> reason -> recipients.
    :param delivered_by_channel: the service that delivered, such as ``RCS`` or ``SMS`` -> delivered messages.
    """

    states: Mapping[MessageState, int]
    statuses: Mapping[DeliveryStatus, int]
    unreported: int = 0
    reasons: Mapping[MessageState, Mapping[str, int]] = field(default_factory=dict)
    delivered_by_channel: Mapping[str, int] = field(default_factory=dict)

    @property
    def requested(self) -> int:
        """All recipients that the tasks listed; each is in exactly one state."""
        return sum(self.states.values())

    @property
    def sendable(self) -> int:
        """Recipients that a message has reached or may still reach."""
        left_out = (MessageState.REJECTED, MessageState.DUPLICATE, MessageState.SUPPRESSED)
        return self.requested - sum(self.states[state] for state in left_out)

    @property
    def delivered(self) -> int:
        """Messages that reached the phone, including those read or clicked."""
        return sum(count for status, count in self.statuses.items() if status.is_delivered)

    @property
    def final(self) -> int:
        """Messages with a final status."""
        return sum(count for status, count in self.statuses.items() if status.is_final)

    @property
    def refused(self) -> int:
        """Recipients that the service rejected, without those that this package rejected before sending."""
        return self.reasons.get(MessageState.REJECTED, {}).get(REJECTED_BY_SERVICE, 0)

    @property
    def failed(self) -> int:
        """Messages that the service rejected, or accepted but could not deliver."""
        return self.refused + self.statuses[DeliveryStatus.FAILED]

    @property
    def is_silent(self) -> bool:
        """Whether messages were accepted, but none has a report."""
        return self.states[MessageState.ACCEPTED] > 0 and not any(self.statuses.values())

    def reached(self, until: str) -> int:
        """Return the number of messages that are ``"delivered"``, or have a ``"final"`` status."""
        return self.delivered if until == "delivered" else self.final

    def needed(self, at_least: float) -> int:
        """Return the number of messages that make up a share of the sendable recipients."""
        # Rounded first: 0.07 * 100 is slightly more than 7 in floating point, and must not become 8.
        return math.ceil(round(self.sendable * at_least, 6))

    def as_dict(self) -> dict[str, object]:
        """Return the counts as plain values, for XCom."""
        return {
            "requested": self.requested,
            **{str(state): count for state, count in self.states.items()},
            "statuses": {
                **{str(status): count for status, count in self.statuses.items() if count},
                **({"unreported": self.unreported} if self.unreported else {}),
            },
            "delivered_by_channel": dict(self.delivered_by_channel),
            "reasons": {str(state): dict(reasons) for state, reasons in self.reasons.items()},
        }


def read_funnel(engine: sa.Engine, campaign_name: str) -> Funnel | None:
    """Return the funnel of a campaign, or ``None`` if it does not exist.

    A phone that a list contains several times is one message; the others are counted as duplicates.
    """
    return read_funnels(engine, [campaign_name]).get(campaign_name)


def read_funnels(engine: sa.Engine, campaign_names: Collection[str]) -> Mapping[str, Funnel]:
    """Return the funnels of several campaigns by name, read in one query; campaigns that do not exist are left out."""
    # Counts that have fallen to 0 stay in the table. Without any, the campaign has a row without a state.
    of_campaign = sa.and_(
        campaign_count.c.campaign_id == campaign.c.id,
        sa.or_(campaign_count.c.messages != 0, campaign_count.c.repeats != 0),
    )
    query = (
        sa.select(campaign.c.name, *(campaign_count.c[name] for name in _COUNT_COLUMNS))
        .select_from(campaign.outerjoin(campaign_count, of_campaign))
        .where(campaign.c.name.in_(campaign_names))
        .order_by(campaign.c.id)
    )
    with reading_once(engine) as connection:
        rows = connection.execute(query).all()
    return {name: _funnel_of(of_campaign) for name, of_campaign in groupby(rows, itemgetter(0))}


def _funnel_of(rows: Iterable[Sequence[Any]]) -> Funnel:
    states = dict.fromkeys(MessageState, 0)
    statuses = dict.fromkeys(DeliveryStatus, 0)
    reasons: dict[MessageState, Counter[str]] = {}
    delivered_by: Counter[str] = Counter()
    unreported = 0
    for _, state_name, reason, status_name, channel, messages, repeats in rows:
        if state_name is None:
            continue
        state = _STATES[state_name]
        states[state] += messages
        states[MessageState.DUPLICATE] += repeats
        if status_name:
            status = _STATUSES[status_name]
            statuses[status] += messages
            if status in DELIVERED_STATUSES:
                delivered_by[channel] += messages
        elif state is MessageState.ACCEPTED:
            unreported += messages
        if reason and state is not MessageState.ACCEPTED:
            reasons.setdefault(state, Counter())[reason] += messages
    return Funnel(states, statuses, unreported, reasons, delivered_by)


def require_failure_rate(campaign_name: str, funnel: Funnel, max_failure_rate: float) -> None:
    """Raise if too many messages of a campaign have failed so far.

    The rate is of all its messages, including those without a report, so it only grows: a single early failure does not
    count as a rate of 100%.

    :param funnel: the funnel of the campaign.
    :param max_failure_rate: the highest accepted share of failed messages.
    :raises RcsTooManyFailuresError: if more have failed.
    """
    messages = funnel.sendable + funnel.refused
    # Rounded: 0.07 * 100 is not exactly 7 in floating point, and 7 failures are not too many.
    if funnel.failed <= round(messages * max_failure_rate, 6):
        return
    raise RcsTooManyFailuresError(
        f"campaign {campaign_name!r}: {funnel.failed} of its {messages} messages have failed "
        f"({funnel.failed / messages:.1%}), and max_failure_rate={max_failure_rate} allows {max_failure_rate:.1%}. "
        f"{describe_statuses(funnel)}. {RcsTooManyFailuresError.remedy}"
    )


def describe_statuses(funnel: Funnel) -> str:
    """Return the messages counted by status, as text, such as ``960 delivered, 10 failed``."""
    parts = [f"{count:,} {status}" for status, count in funnel.statuses.items() if count]
    if funnel.unreported:
        parts.append(f"{funnel.unreported:,} without a report")
    if funnel.refused:
        parts.append(f"{funnel.refused:,} rejected ({REJECTED_BY_SERVICE})")
    return ", ".join(parts)
