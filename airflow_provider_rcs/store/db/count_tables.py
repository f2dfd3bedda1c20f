"""The tables of counts; triggers on ``rcs_message`` keep those of messages, and folds those of reports."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import metadata
from airflow_provider_rcs.store.db.types import RowId, UtcDateTime

campaign_count = sa.Table(
    "rcs_campaign_count",
    metadata,
    # No key, because a reason may be longer than an entry of an index: the lock of the campaign keeps one row a kind.
    sa.Column("campaign_id", RowId, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("delivery_status", sa.String(16), nullable=False),
    sa.Column("delivery_channel", sa.Text, nullable=False),
    sa.Column("messages", sa.BigInteger, nullable=False, comment="how many rows of rcs_message are like this now"),
    sa.Column("repeats", sa.BigInteger, nullable=False, comment="the sum of their repeats"),
    sa.Index("ix_rcs_campaign_count", "campaign_id", "state", "delivery_status"),
    comment="The messages of each campaign, counted by state, reason, delivery status and channel.",
)


campaign_hour = sa.Table(
    "rcs_campaign_hour",
    metadata,
    sa.Column("campaign_id", RowId, primary_key=True, autoincrement=False),
    sa.Column("hour", UtcDateTime, primary_key=True, comment="when it began"),
    sa.Column("outcome", sa.String(16), primary_key=True, comment="accepted, or a delivery status"),
    sa.Column("messages", sa.BigInteger, nullable=False, comment="how many messages got there in this hour"),
    comment="The messages of each campaign, counted by the hours of their requests and of their delivery statuses.",
)


report_count = sa.Table(
    "rcs_report_count",
    metadata,
    sa.Column("campaign_id", RowId, primary_key=True, autoincrement=False, comment="0 for parked reports"),
    sa.Column("fold", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("reports", sa.BigInteger, nullable=False, comment="how many the fold, and merged earlier ones, changed"),
    sa.Column("received_at", UtcDateTime, comment="when the last of them arrived"),
    sa.Index("ix_rcs_report_count_fold", "fold"),
    comment="The reports of each campaign, counted by fold; what every watcher has handled is one row.",
)
