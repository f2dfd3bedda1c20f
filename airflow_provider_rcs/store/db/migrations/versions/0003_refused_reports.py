"""Pushed bodies that could not be understood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rcs_report_refused",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="byte by byte as it came"),
        sa.PrimaryKeyConstraint("id"),
        comment="One row for each body that came with the right credentials and could not be understood.",
        sqlite_autoincrement=True,
    )
