"""The ledger of campaigns and the reports that land."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rcs_campaign",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=16), nullable=False, comment="first part of its requests' references"),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("template_name", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column(
            "send_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the service is asked to send; null for at once",
        ),
        sa.Column("status_codes", sa.JSON(), nullable=False, comment="overrides of the status codes, code -> status"),
        sa.Column("revision", sa.BigInteger(), nullable=False, comment="rises with each change of its messages"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("token"),
        comment="One row for each campaign; its row is the lock of its messages.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rcs_report",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("status_code", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("campaign_reference", sa.Text(), nullable=False),
        sa.Column("message_reference", sa.Text(), nullable=False),
        sa.Column(
            "reported_at", sa.DateTime(timezone=True), nullable=True, comment="null where the date could not be read"
        ),
        sa.Column(
            "reported_at_text", sa.Text(), nullable=False, comment="the date as it came, in Spain's time (assumed)"
        ),
        sa.Column("api_campaign_id", sa.Text(), nullable=False),
        sa.Column("api_message_id", sa.Text(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False, comment="fields that the document does not name"),
        sa.Column(
            "fold", sa.BigInteger(), nullable=True, comment="number of the fold that took it up; null until then"
        ),
        sa.Column(
            "message_id",
            sa.BigInteger(),
            nullable=True,
            comment="the message it is about; null while that is not known",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="One row for each delivery report that came, repeated ones too.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rcs_report_fold", "rcs_report", ["fold"], unique=False)
    op.create_index(
        "ix_rcs_report_parked",
        "rcs_report",
        ["api_message_id"],
        unique=False,
        postgresql_where=sa.text("fold IS NOT NULL AND message_id IS NULL"),
        sqlite_where=sa.text("fold IS NOT NULL AND message_id IS NULL"),
    )
    op.create_index(
        "ix_rcs_report_unfolded",
        "rcs_report",
        ["id"],
        unique=False,
        postgresql_where=sa.text("fold IS NULL"),
        sqlite_where=sa.text("fold IS NULL"),
    )
    op.create_table(
        "rcs_store",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "fold", sa.BigInteger(), nullable=False, comment="number of the last fold; its row is the folds' lock"
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="One row: what is counted over the whole store.",
    )
    op.create_table(
        "rcs_attempt",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("campaign_id", ROW_ID, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False, comment="the task and the process that sends"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "lease_until", sa.DateTime(timezone=True), nullable=False, comment="after it the attempt counts as dead"
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["rcs_campaign.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="One row for each process that sends, or sent, a campaign.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rcs_attempt_campaign_id"), "rcs_attempt", ["campaign_id"], unique=False)
    op.create_table(
        "rcs_request",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("campaign_id", ROW_ID, nullable=False),
        sa.Column("attempt_id", ROW_ID, nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False, comment="comes back in reports"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="sending, accepted, refused or in_doubt"),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("api_campaign_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it was refused or is in doubt"),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "echoed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a report first proved that the service accepted it",
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["rcs_attempt.id"],
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["rcs_campaign.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
        comment="One row for each call that sends.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rcs_request_attempt_id"), "rcs_request", ["attempt_id"], unique=False)
    op.create_index(op.f("ix_rcs_request_campaign_id"), "rcs_request", ["campaign_id"], unique=False)
    op.create_table(
        "rcs_message",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("campaign_id", ROW_ID, nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False, comment="the phone, or a hash of what came instead"),
        sa.Column("phone", sa.String(length=15), nullable=True, comment="E.164 digits; null where none could be used"),
        sa.Column("phone_as_listed", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("variables", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="why it is rejected, suppressed or in doubt; alike for alike"
        ),
        sa.Column("detail", sa.Text(), nullable=False, comment="where the reason was found, phones masked"),
        sa.Column("listed_by", sa.BigInteger(), nullable=False, comment="the last attempt whose list it is on"),
        sa.Column("listed_now", sa.Integer(), nullable=False, comment="how often it is on that list"),
        sa.Column(
            "repeats", sa.Integer(), nullable=False, comment="how often it was on one list beyond the first time"
        ),
        sa.Column("request_id", ROW_ID, nullable=True),
        sa.Column("api_message_id", sa.Text(), nullable=True),
        sa.Column("delivery_status", sa.String(length=16), nullable=False, comment="empty until a report tells"),
        sa.Column("delivery_rank", sa.SmallInteger(), nullable=False, comment="-1 until a report tells"),
        sa.Column("delivery_code", sa.String(length=32), nullable=False, comment="the status code of that report"),
        sa.Column("delivery_channel", sa.Text(), nullable=False, comment="the service of that report"),
        sa.Column(
            "delivery_at", sa.DateTime(timezone=True), nullable=True, comment="when that report's status came to be"
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False, comment="the campaign's revision at its last change"),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["rcs_campaign.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["rcs_request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("campaign_id", "recipient_key"),
        comment="One row for each recipient of a campaign: the ledger.",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_rcs_message_api_message_id",
        "rcs_message",
        ["api_message_id"],
        unique=False,
        postgresql_where=sa.text("api_message_id IS NOT NULL"),
        sqlite_where=sa.text("api_message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_rcs_message_planned",
        "rcs_message",
        ["campaign_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'planned'"),
        sqlite_where=sa.text("state = 'planned'"),
    )
    op.create_index(op.f("ix_rcs_message_request_id"), "rcs_message", ["request_id"], unique=False)
    op.execute("INSERT INTO rcs_store (id, fold) VALUES (1, 0)")
