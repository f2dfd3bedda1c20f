"""A request that was claimed may not have left; the comments of its columns say so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite keeps no comments.
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(
            "rcs_request",
            "state",
            existing_type=sa.String(16),
            existing_nullable=False,
            comment="claimed, sending, accepted, refused, in_doubt or unsent",
        )
        op.alter_column(
            "rcs_request",
            "reason",
            existing_type=sa.Text(),
            existing_nullable=False,
            comment="why it was refused, is in doubt or never left",
        )
