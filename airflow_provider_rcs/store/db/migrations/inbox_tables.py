"""The tables of what was received, as the first migration creates them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# SQLite generates row ids only for a primary key of the type INTEGER.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def create_inbox_tables() -> None:
    """Create the tables of reports, of refused bodies and of messages of people, with their indexes."""
    op.create_table(
        "rcs_report",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("status_code", sa.String(32), nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("campaign_reference", sa.Text, nullable=False),
        sa.Column("message_reference", sa.Text, nullable=False),
        sa.Column("reported_at", TIME, comment="null if the date could not be read"),
        sa.Column(
            "reported_at_text", sa.Text, nullable=False, comment="the date as received, in Spain's time (assumed)"
        ),
        sa.Column("api_campaign_id", sa.Text, nullable=False),
        sa.Column("api_message_id", sa.Text, nullable=False),
        sa.Column("extra", sa.JSON, nullable=False, comment="fields that the API document does not name"),
        sa.Column("fold", sa.BigInteger, comment="number of the fold that applied it; null until then"),
        sa.Column("fold_error", sa.Text, comment="why it could not be applied and is set aside; null otherwise"),
        sa.Column("message_id", sa.BigInteger, comment="the message that it reports on; null while unknown"),
        *_let_in_by(),
        sa.Column(
            "names_other_phone",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="whether it was matched by ids to a message whose recipient is another than its phone",
        ),
        comment="One row for each delivery report received, including repeated ones.",
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_rcs_report_message", "rcs_report", ["message_id"], postgresql_using="brin")
    op.create_index("ix_rcs_report_fold", "rcs_report", ["fold", "id"])
    op.create_index(
        "ix_rcs_report_parked_reference",
        "rcs_report",
        [sa.text("substr(campaign_reference, 1, 9)")],
        postgresql_where=sa.text("fold IS NOT NULL AND message_id IS NULL"),
        sqlite_where=sa.text("fold IS NOT NULL AND message_id IS NULL"),
    )
    op.create_index(
        "ix_rcs_report_parked",
        "rcs_report",
        ["received_at"],
        postgresql_where=sa.text("fold IS NOT NULL AND message_id IS NULL"),
        sqlite_where=sa.text("fold IS NOT NULL AND message_id IS NULL"),
    )
    found_by_phone = "fold IS NOT NULL AND (message_id IS NULL OR names_other_phone{}) AND length(phone) <= 20"
    op.create_index(
        "ix_rcs_report_phone",
        "rcs_report",
        ["phone"],
        postgresql_where=sa.text(found_by_phone.format("")),
        sqlite_where=sa.text(found_by_phone.format(" = 1")),
    )
    op.create_index(
        "ix_rcs_report_set_aside",
        "rcs_report",
        ["id"],
        postgresql_where=sa.text("fold_error IS NOT NULL"),
        sqlite_where=sa.text("fold_error IS NOT NULL"),
    )
    op.create_index(
        "ix_rcs_report_unfolded",
        "rcs_report",
        ["id"],
        postgresql_where=sa.text("fold IS NULL"),
        sqlite_where=sa.text("fold IS NULL"),
    )
    op.create_table(
        "rcs_report_refused",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column(
            "digest", sa.String(64), nullable=False, unique=True, comment="SHA-256 of connection, content type and body"
        ),
        sa.Column("received_at", TIME, nullable=False, comment="when it was received first"),
        sa.Column("last_received_at", TIME, nullable=False),
        sa.Column("times", sa.Integer, nullable=False, comment="how often it was received"),
        sa.Column("landed", sa.Integer, nullable=False, comment="how many reports and replies in it were understood"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False, comment="unchanged, byte for byte"),
        *_let_in_by(),
        comment="One row for each request body that came with valid credentials but could not be read.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rcs_inbound",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True, comment="SHA-256 of all that the service sent"),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False, comment="the sender or agent that the person replied to"),
        sa.Column("sent_at", TIME, comment="null if the date could not be read"),
        sa.Column("sent_at_text", sa.Text, nullable=False, comment="the date as received, in Spain's time (assumed)"),
        sa.Column("message_reference", sa.Text, nullable=False),
        sa.Column("api_message_id", sa.Text, nullable=False, comment="of the message that the person replied to"),
        sa.Column("api_inbound_id", sa.Text, nullable=False),
        sa.Column("extra", sa.JSON, nullable=False, comment="fields that are not known"),
        sa.Column("opt_out", sa.Text, nullable=False, comment="the word by which the person opted out; empty for none"),
        sa.Column(
            "is_unapplied", sa.Boolean, nullable=False, comment="whether it is an opt-out that suppresses no phone"
        ),
        sa.Column("fold", sa.BigInteger, comment="number of the fold that looked for its message; null until then"),
        sa.Column("message_id", sa.BigInteger, comment="the message that it replies to; null while unknown"),
        *_let_in_by(),
        comment="One row for each message of a person, such as a reply to a campaign.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rcs_inbound_fold", "rcs_inbound", ["fold", "id"])
    op.create_index(
        "ix_rcs_inbound_unapplied",
        "rcs_inbound",
        ["id"],
        postgresql_where=sa.text("is_unapplied"),
        sqlite_where=sa.text("is_unapplied = 1"),
    )


def _let_in_by() -> tuple[sa.Column[str], sa.Column[str]]:
    of_account = "fingerprint of the account that pushes with that connection; empty if it is not of one account"
    return (
        sa.Column(
            "reports_conn_id",
            sa.Text,
            nullable=False,
            server_default=sa.text("''"),
            comment="connection that let it in; empty if it came another way",
        ),
        sa.Column("account", sa.String(32), nullable=False, server_default=sa.text("''"), comment=of_account),
    )
