"""The latest status of each channel of the messages on which more than one service has reported."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# So that the next fold finds the statuses of each channel, which until now were folded into one.
TAKE_UP_AGAIN = """
    UPDATE rcs_report SET fold = NULL WHERE message_id IN (
        SELECT message_id FROM rcs_report WHERE message_id IS NOT NULL
        GROUP BY message_id HAVING MIN(service) <> MAX(service)
    )
"""


def upgrade() -> None:
    op.create_table(
        "rcs_message_channel",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="the service that reported"),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False, comment="the status code of the report that told it"),
        sa.Column(
            "reported_at", sa.DateTime(timezone=True), nullable=True, comment="when that report's status came to be"
        ),
        sa.PrimaryKeyConstraint("message_id", "channel"),
        comment="The latest status of each channel, for the messages on which more than one service has reported.",
    )
    op.execute(TAKE_UP_AGAIN)
