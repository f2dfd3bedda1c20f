"""Whether delivery reports come: when the last one came on each campaign, and which should have had one by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.store.engine import reading
from airflow_provider_rcs.store.tables import campaign, message, report, request

PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Reporting:
    """How a campaign's reports come.

    :param last_report_at: when the last one came; ``None`` if none has.
    :param is_overdue: whether none has, though the service accepted messages long enough ago.
    """

    last_report_at: datetime | None
    is_overdue: bool


def read_reporting(engine: sa.Engine, now: datetime) -> Mapping[str, Reporting]:
    """Return how the reports of each campaign come, by its name.

    :param now: the present moment.
    """
    last = (
        sa.select(message.c.campaign_id, sa.func.max(report.c.received_at).label("moment"))
        .join(report, report.c.message_id == message.c.id)
        .group_by(message.c.campaign_id)
        .subquery()
    )
    accepted = (
        sa.select(request.c.campaign_id, sa.func.min(request.c.claimed_at).label("moment"))
        .where(request.c.state == "accepted")
        .group_by(request.c.campaign_id)
        .subquery()
    )
    campaigns = (
        sa.select(
            campaign.c.name,
            campaign.c.send_at,
            sa.type_coerce(last.c.moment, report.c.received_at.type).label("last_report_at"),
            sa.type_coerce(accepted.c.moment, request.c.claimed_at.type).label("sent_at"),
        )
        .outerjoin(last, last.c.campaign_id == campaign.c.id)
        .outerjoin(accepted, accepted.c.campaign_id == campaign.c.id)
    )
    with reading(engine) as connection:
        return {
            row.name: Reporting(
                row.last_report_at,
                row.last_report_at is None
                and row.sent_at is not None
                and max(row.sent_at, row.send_at or row.sent_at) + PATIENCE < now,
            )
            for row in connection.execute(campaigns)
        }
