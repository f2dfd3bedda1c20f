"""Messages name their campaign without a foreign key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# PostgreSQL's own names; the same are given to SQLite's, which have none.
NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}


def upgrade() -> None:
    # PostgreSQL looks it up for each row, which takes a third of an insert; the attempts hold on to their campaign too.
    last = _last_number()
    with op.batch_alter_table(
        "rcs_message", naming_convention=NAMES, table_kwargs={"sqlite_autoincrement": True}
    ) as messages:
        messages.drop_constraint("rcs_message_campaign_id_fkey", type_="foreignkey")
    if last is not None:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'rcs_message'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('rcs_message', {last})")


def _last_number() -> int | None:
    """Return the last number that SQLite gave to a message: it writes the table anew, and would forget a deleted one."""
    if op.get_bind().dialect.name != "sqlite":
        return None
    number = op.get_bind().execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'rcs_message'")).scalar()
    return None if number is None else int(number)
