"""The funnel view: messages by day, campaign, template, account and channel, in each state and delivery status."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DELIVERED_STATUSES, DeliveryStatus, MessageState
from airflow_provider_rcs.warehouse.tables import WarehouseTables
from airflow_provider_rcs.warehouse.views import View

_GROUPS = {
    "store": "identity of the store that the messages were loaded from",
    "account": "fingerprint of the account that sends the campaign; empty if it is not known",
    "campaign": "name of the campaign",
    "template_id": "id of the campaign's template at the service; null until the campaign is loaded",
    "template_name": "name of that template",
    "day": "day in UTC of the messages' requests; without a request, of their last change",
    "channel": "channel of the report that set the status, in capitals, such as RCS or SMS; empty without a report",
}

_COUNTS = {
    "requested": "number of recipients that were listed; the sum of those in each state",
    **{str(state): f"number of recipients in the state {state}" for state in MessageState},
    "duplicate": "number of recipients that were listed once more",
    "unreported": "number of accepted messages without a report",
    **{str(status): f"number of messages whose best status is {status}" for status in DeliveryStatus},
    "delivered": "number of messages that reached the phone, those read or clicked included",
}


def _funnel(tables: WarehouseTables, _dialect: str) -> sa.Select[Any]:
    """Return the query of the view.

    A message counts on the day of its request, or without one on the day of its last change. A phone that was listed
    several times is one message, and its repeats count as duplicates.
    """
    message, campaign = tables.message, tables.campaign
    state, status = message.c.state, message.c.delivery_status
    counts = {
        "requested": _sum(1 + message.c.repeats),
        **{str(each): _count(state == each) for each in MessageState},
        "duplicate": _sum(sa.case((state == MessageState.DUPLICATE, 1), else_=0) + message.c.repeats),
        "unreported": _count(sa.and_(state == MessageState.ACCEPTED, status == "")),
        **{str(each): _count(status == each) for each in DeliveryStatus},
        "delivered": _count(status.in_(DELIVERED_STATUSES)),
    }
    groups = (
        message.c.store,
        message.c.account,
        message.c.campaign,
        campaign.c.template_id,
        campaign.c.template_name,
        message.c.day,
        message.c.delivery_channel,
    )
    # Not an inner join: a campaign is loaded after its messages.
    of_campaign = sa.and_(campaign.c.store == message.c.store, campaign.c.name == message.c.campaign)
    return (
        sa.select(*groups[:-1], groups[-1].label("channel"), *(count.label(name) for name, count in counts.items()))
        .select_from(message.outerjoin(campaign, of_campaign))
        .group_by(*groups)
    )


FUNNEL = View(
    "rcs_campaign_funnel",
    "Per campaign, day and channel, the number of messages in each state and delivery status.",
    {**_GROUPS, **_COUNTS},
    _funnel,
)


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return _sum(sa.case((condition, 1), else_=0))


def _sum(number: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    # A sum is a decimal on some engines, and has 128 bits on others.
    return sa.cast(sa.func.sum(number), sa.BigInteger)
