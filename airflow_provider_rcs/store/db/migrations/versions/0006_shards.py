"""Which shard of its campaign's list an attempt sends to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "rcs_attempt",
        sa.Column(
            "shard",
            sa.Text(),
            server_default="1/1",
            nullable=False,
            comment="the part of the list that it sends to, such as 2/4; 1/1 for all of it",
        ),
    )
