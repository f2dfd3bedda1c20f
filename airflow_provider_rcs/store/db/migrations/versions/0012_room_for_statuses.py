"""Room in the pages of PostgreSQL for the statuses that come later: an update finds place beside the row it replaces.

Such an update leaves the indexes alone, which takes half the time. Rows that are there stay where they are.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE rcs_message SET (fillfactor = 50)")
