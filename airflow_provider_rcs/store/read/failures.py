"""Why messages of a campaign failed: the status codes of their reports."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import message

MOST_MESSAGES = 20_000
"""Of a larger campaign, counting takes longer than a page may: its codes are not counted."""


def read_failure_codes(engine: sa.Engine, campaign_id: int, most: int = 50) -> Mapping[str, int]:
    """Return the status codes of a campaign's failed messages, the most frequent first: code -> messages.

    All of the campaign's messages are read.

    :param most: how many codes at most.
    """
    messages = sa.func.count().label("messages")
    codes = (
        sa.select(message.c.delivery_code, messages)
        .where(message.c.campaign_id == campaign_id, message.c.delivery_status == DeliveryStatus.FAILED)
        .group_by(message.c.delivery_code)
        .order_by(messages.desc(), message.c.delivery_code)
        .limit(most)
    )
    with reading(engine) as connection:
        return {row.delivery_code: row.messages for row in connection.execute(codes)}
