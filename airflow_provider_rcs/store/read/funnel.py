"""The funnel of a campaign: how many recipients are in each state, and what became of the accepted ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsTooManyFailuresError
from airflow_provider_rcs.api.outcomes import REJECTED_BY_SERVICE
from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import campaign, message


@dataclass(frozen=True, slots=True)
class Funnel:
    """Where the recipients of a campaign stand.

    :param states: message state -> recipients; every state is there.
    :param statuses: delivery status -> accepted messages; every status is there.
    :param unreported: accepted messages on which no report has come.
    :param reasons: why recipients were rejected, suppressed or are in doubt: state -> reason -> recipients.
    :param delivered_by_channel: the service that delivered, such as ``RCS`` or ``SMS`` -> delivered messages.
    """

    states: Mapping[MessageState, int]
    statuses: Mapping[DeliveryStatus, int]
    unreported: int = 0
    reasons: Mapping[MessageState, Mapping[str, int]] = field(default_factory=dict)
    delivered_by_channel: Mapping[str, int] = field(default_factory=dict)

    @property
    def requested(self) -> int:
        """All recipients that were asked for; each is in exactly one state."""
        return sum(self.states.values())

    @property
    def sendable(self) -> int:
        """Recipients that a message has reached or may reach still."""
        left_out = (MessageState.REJECTED, MessageState.DUPLICATE, MessageState.SUPPRESSED)
        return self.requested - sum(self.states[state] for state in left_out)

    @property
    def delivered(self) -> int:
        """Messages that reached the phone; read and clicked ones are among them."""
        return sum(count for status, count in self.statuses.items() if status.is_delivered)

    @property
    def final(self) -> int:
        """Messages with a final status."""
        return sum(count for status, count in self.statuses.items() if status.is_final)

    @property
    def refused(self) -> int:
        """Recipients that the service rejected; those whom the list's own checks rejected never came so far."""
        return self.reasons.get(MessageState.REJECTED, {}).get(REJECTED_BY_SERVICE, 0)

    @property
    def failed(self) -> int:
        """Messages that the service rejected, or accepted and could not deliver."""
        return self.refused + self.statuses[DeliveryStatus.FAILED]

    @property
    def is_silent(self) -> bool:
        """Whether messages are accepted, and not one report has come on any."""
        return self.states[MessageState.ACCEPTED] > 0 and not any(self.statuses.values())

    def reached(self, until: str) -> int:
        """Messages that are as far as a sensor waits for: ``"delivered"``, or ``"final"``."""
        return self.delivered if until == "delivered" else self.final

    def wanted(self, share: float) -> int:
        """How many messages make up a share of those that a message has reached or may reach still."""
        # 0.07 of 100 is a little more than 7 to a computer, and must not ask for 8.
        return math.ceil(round(self.sendable * share, 6))

    def as_dict(self) -> dict[str, object]:
        """Return the counts as plain values, fit for an XCom."""
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
    """Return where a campaign's recipients stand, or ``None`` if there is no such campaign.

    A phone that was on one list several times is one message, and the repeats are counted as duplicates.
    """
    return read_funnels(engine, [campaign_name]).get(campaign_name)


def read_funnels(engine: sa.Engine, campaign_names: Collection[str]) -> Mapping[str, Funnel]:
    """Return where the recipients of many campaigns stand, by name, in one query; unknown campaigns are left out."""
    groups = (
        campaign.c.name,
        message.c.state,
        message.c.reason,
        message.c.delivery_status,
        message.c.delivery_channel,
    )
    counts = (sa.func.count().label("messages"), sa.func.sum(message.c.repeats).label("repeats"))
    query = (
        sa.select(*groups, *counts)
        .select_from(campaign.outerjoin(message, message.c.campaign_id == campaign.c.id))
        .where(campaign.c.name.in_(campaign_names))
        .group_by(*groups)
        .order_by(campaign.c.name)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return {
        name: _funnel_of(row for row in of_campaign if row.state is not None)
        for name, of_campaign in groupby(rows, lambda row: str(row.name))
    }


def _funnel_of(rows: Iterable[sa.Row[Any]]) -> Funnel:
    states: Counter[MessageState] = Counter(dict.fromkeys(MessageState, 0))
    statuses: Counter[DeliveryStatus] = Counter(dict.fromkeys(DeliveryStatus, 0))
    reasons: dict[MessageState, Counter[str]] = {}
    delivered_by: Counter[str] = Counter()
    unreported = 0
    for row in rows:
        state = MessageState(row.state)
        states[state] += row.messages
        states[MessageState.DUPLICATE] += row.repeats
        if row.delivery_status:
            status = DeliveryStatus(row.delivery_status)
            statuses[status] += row.messages
            if status.is_delivered:
                delivered_by[row.delivery_channel] += row.messages
        elif state is MessageState.ACCEPTED:
            unreported += row.messages
        if row.reason and state is not MessageState.ACCEPTED:
            reasons.setdefault(state, Counter())[row.reason] += row.messages
    return Funnel(states, statuses, unreported, reasons, delivered_by)


def require_failure_rate(campaign_name: str, funnel: Funnel, max_failure_rate: float) -> None:
    """Make sure that not too many of a campaign's messages have failed, by all that is known so far.

    The share is taken of all its messages, whether or not there is a word on them yet, so that it only grows: the first
    message that fails is not a share of all.

    :param funnel: where its recipients stand.
    :param max_failure_rate: the largest share of the messages that may have failed.
    :raises RcsTooManyFailuresError: if more have.
    """
    messages = funnel.sendable + funnel.refused
    # 0.07 of 100 is a little more than 7 to a computer; 7 are no more than that.
    if funnel.failed <= round(messages * max_failure_rate, 6):
        return
    raise RcsTooManyFailuresError(
        f"campaign {campaign_name!r}: {funnel.failed} of its {messages} messages have failed "
        f"({funnel.failed / messages:.1%}), and max_failure_rate={max_failure_rate} allows {max_failure_rate:.1%}. {_status_counts(funnel)}. "
        f"{RcsTooManyFailuresError.remedy}"
    )


def _status_counts(funnel: Funnel) -> str:
    """Return the messages by what became of them."""
    parts = [f"{count} {status}" for status, count in funnel.statuses.items() if count]
    if funnel.unreported:
        parts.append(f"{funnel.unreported} without a report")
    if funnel.refused:
        parts.append(f"{funnel.refused} rejected ({REJECTED_BY_SERVICE})")
    return ", ".join(parts)
