"""Who must not be messaged, what people said of messages in doubt, and which credentials were refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rcs_suppression",
        sa.Column("phone", sa.String(length=15), nullable=False, comment="E.164 digits"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("phone"),
        comment="Who must not be messaged by any campaign.",
    )
    op.create_table(
        "rcs_exclusion",
        sa.Column("campaign_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("phone", sa.String(length=15), nullable=False, comment="E.164 digits"),
        sa.ForeignKeyConstraint(["campaign_id"], ["rcs_campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "phone"),
        comment="Who must not be messaged by a campaign, as its tasks' exclude_sql said.",
    )
    op.create_table(
        "rcs_resolution",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("campaign_id", ROW_ID, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="accepted or not_sent"),
        sa.Column("messages", sa.Integer(), nullable=False, comment="how many messages it settled"),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["rcs_campaign.id"]),
        sa.PrimaryKeyConstraint("id"),
        comment="What people said of messages in doubt.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rcs_resolution_campaign_id"), "rcs_resolution", ["campaign_id"], unique=False)
    op.create_table(
        "rcs_refused_credentials",
        sa.Column("campaign", sa.Text(), nullable=False, comment="its name; it need not have been begun"),
        sa.Column(
            "fingerprint",
            sa.String(length=64),
            nullable=False,
            comment="of the login and password that were refused",
        ),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "fingerprint"),
        comment="Credentials that the service refused; the campaign does not show them to it again.",
    )
    op.add_column(
        "rcs_message",
        sa.Column("resolution_id", sa.BigInteger(), comment="the last word of a person that settled it"),
    )
