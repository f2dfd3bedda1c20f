"""A message's id of the service is found by its request, without an index that each reply would have to write.

PostgreSQL writes a row's entries in all indexes anew when one of them names a column that changes.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_rcs_request_api_campaign_id", "rcs_request", ["api_campaign_id"])
    op.drop_index("ix_rcs_message_api_message_id", "rcs_message")
