"""Since when campaigns ask for reports, and who was told that none come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "rcs_campaign",
        sa.Column(
            "reports_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when its requests ask for reports; null if they never did",
        ),
    )
    # Whether they asked was not kept until now; nearly all do.
    op.execute("UPDATE rcs_campaign SET reports_since = created_at")
    op.create_table(
        "rcs_silence",
        sa.Column("campaign_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("told_to", sa.Text(), nullable=False, comment="the task that waits, or the receivers"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["rcs_campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "told_to"),
        comment="Who was told that no report comes on a campaign, so that each is told once.",
    )
