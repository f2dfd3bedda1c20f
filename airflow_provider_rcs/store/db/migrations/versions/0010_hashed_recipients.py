"""Recipients who are known by hashes alone, because they were erased or their messages pruned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "rcs_store",
        sa.Column("hash_key", sa.String(length=64), comment="the secret of the hashes; null until one is made"),
    )
    op.add_column(
        "rcs_campaign",
        sa.Column(
            "hashed_at",
            sa.DateTime(timezone=True),
            comment="when recipients of it were last replaced by hashes; null if none was",
        ),
    )
    op.create_table(
        "rcs_suppression_hash",
        sa.Column("hash", sa.String(length=64), nullable=False, comment="of a phone"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        comment="Who must not be messaged by any campaign, of those who were erased.",
    )
    op.create_table(
        "rcs_exclusion_hash",
        sa.Column("campaign_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False, comment="of a phone"),
        sa.ForeignKeyConstraint(["campaign_id"], ["rcs_campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "hash"),
        comment="Who must not be messaged by a campaign, of those who were erased or whose campaign was pruned.",
    )
    op.create_table(
        "rcs_erasure",
        sa.Column("hash", sa.String(length=64), nullable=False, comment="of a phone"),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        comment="Who was erased, and by whom: what comes of them later is not kept either.",
    )
