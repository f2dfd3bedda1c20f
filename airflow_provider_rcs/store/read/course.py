"""The course of a campaign: how many messages were sent, delivered, read and failed in each hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.db.count_tables import campaign_hour
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import campaign


@dataclass(frozen=True, slots=True)
class HourOfCampaign:
    """What happened to the messages of a campaign in an hour.

    Each message is counted in one status: its latest one, in the hour that the report gives for it, or in which it was
    folded if its date could not be read.

    :param begin: when the hour began.
    :param sent: recipients of requests that the service has accepted, by the hour in which they were claimed.
    :param delivered: messages that reached the phone, and are not known to be read or clicked.
    """

    begin: datetime
    sent: int
    delivered: int
    read: int
    clicked: int
    failed: int


def read_course(engine: sa.Engine, campaign_name: str) -> Sequence[HourOfCampaign]:
    """Return the hours of a campaign in which something happened, in their order."""
    hours = (
        sa.select(campaign_hour.c.hour, campaign_hour.c.outcome, campaign_hour.c.messages)
        .join(campaign, campaign.c.id == campaign_hour.c.campaign_id)
        .where(campaign.c.name == campaign_name, campaign_hour.c.messages != 0)
        .order_by(campaign_hour.c.hour)
    )
    with reading(engine) as connection:
        rows = connection.execute(hours).all()
    course = []
    for begin, of_hour in groupby(rows, lambda row: row.hour):
        counts = Counter({row.outcome: int(row.messages) for row in of_hour})
        course.append(
            HourOfCampaign(
                begin,
                sent=counts["accepted"],
                delivered=counts[DeliveryStatus.DELIVERED],
                read=counts[DeliveryStatus.READ],
                clicked=counts[DeliveryStatus.CLICKED],
                failed=counts[DeliveryStatus.FAILED],
            )
        )
    return [each for each in course if any((each.sent, each.delivered, each.read, each.clicked, each.failed))]
