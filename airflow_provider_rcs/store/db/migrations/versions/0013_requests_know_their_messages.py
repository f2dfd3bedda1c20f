"""Requests tell which numbers their messages have, and messages are found without an index that a claim changes.

PostgreSQL writes a row's entries in all indexes anew when one of them names a column that changes: the state of those
who are planned, and the request.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column, comment in (
        ("first_message_id", "its messages have numbers from here; null where that is not known"),
        ("last_message_id", "to here"),
    ):
        op.add_column("rcs_request", sa.Column(column, ROW_ID, nullable=True, comment=comment))
    # One that a task claims which runs through the upgrade is left without: its messages are looked for everywhere.
    op.execute(
        "UPDATE rcs_request SET first_message_id = ends.first, last_message_id = ends.last FROM ("
        "SELECT request_id, min(id) AS first, max(id) AS last FROM rcs_message "
        "WHERE request_id IS NOT NULL GROUP BY request_id) AS ends WHERE ends.request_id = rcs_request.id"
    )
    op.drop_index("ix_rcs_message_request_id", "rcs_message")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_rcs_message_planned", "rcs_message")
        op.create_index("ix_rcs_message_planned", "rcs_message", ["campaign_id", "id"])
