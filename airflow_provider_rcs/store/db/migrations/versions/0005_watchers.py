"""Who is told of new reports, and how far."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rcs_watcher",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fold", sa.BigInteger(), nullable=False, comment="the last fold whose reports it was told of"),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        comment="How far those who are told of new reports have come.",
    )
