"""What is kept of campaigns that are sent later by a dispatch, and who cancelled which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rcs_scheduled",
        sa.Column("campaign_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="the campaign's date"),
        sa.Column("settings", sa.JSON(), nullable=False, comment="how to send it; nothing of a person"),
        sa.Column("listed_by", sa.BigInteger(), nullable=False, comment="the last attempt that began to list"),
        sa.Column("is_whole", sa.Boolean(), nullable=False, comment="whether that list came to its end"),
        sa.Column("settled_at", sa.DateTime(timezone=True), comment="when a dispatch had nothing left to do"),
        sa.ForeignKeyConstraint(["campaign_id"], ["rcs_campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id"),
        comment="Campaigns that are kept until shortly before their date, and sent by a dispatch.",
    )
    op.create_table(
        "rcs_cancellation",
        sa.Column("campaign_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["rcs_campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id"),
        comment="Campaigns that are cancelled: nobody is sent to any more.",
    )
