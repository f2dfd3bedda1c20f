"""Create the tables of the store."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from airflow_provider_rcs.store.db.migrations.count_triggers import create_triggers
from airflow_provider_rcs.store.db.migrations.inbox_tables import ROW_ID, TIME, create_inbox_tables
from airflow_provider_rcs.store.db.migrations.range_triggers import create_range_triggers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
# The oldest version whose code may go on during and after this migration.
compatible_from = "0001"

# PostgreSQL vacuums by default when a fifth of a table is dead, and then locks a table against everyone to shorten it.
# These grow to millions of rows, each report leaves a dead version, and what is pruned is filled again.
_LARGE = "autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05, vacuum_truncate = off"
STORAGE_PARAMETERS = {
    "rcs_message": _LARGE,
    "rcs_report": _LARGE,
    "rcs_message_channel": _LARGE,
    "rcs_inbound": _LARGE,
    "rcs_report_refused": _LARGE,
    "rcs_request": _LARGE,
}


def upgrade() -> None:
    op.create_table(
        "rcs_campaign",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column(
            "token", sa.String(16), nullable=False, unique=True, comment="prefix of the references of its requests"
        ),
        sa.Column("template_id", sa.Text, nullable=False),
        sa.Column("template_name", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("send_at", TIME, comment="when the service shall send; null for immediately"),
        sa.Column("account", sa.String(32), nullable=False, comment="fingerprint of the host and login that send it"),
        sa.Column("rcs_conn_id", sa.Text, nullable=False, comment="connection to the account that it began with"),
        sa.Column("conditions", sa.JSON, nullable=False, comment="how it is sent, in words: condition -> value"),
        sa.Column("status_codes", sa.JSON, nullable=False, comment="overrides of the status codes: code -> status"),
        sa.Column(
            "folded_codes",
            sa.Text,
            comment="the codes that all its reports were folded with; empty if not all with the same, null without any",
        ),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="rises with every change to its messages"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("reports_since", TIME, comment="since when its requests ask for reports; null if they never did"),
        sa.Column("pseudonymised_at", TIME, comment="when recipients were last replaced by pseudonyms, if ever"),
        sa.Column("test_of", sa.Text, comment="the campaign that it tests on the team's phones; null if it is no test"),
        comment="One row per campaign; the row is the lock for its messages.",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_rcs_campaign_send_at",
        "rcs_campaign",
        ["send_at"],
        postgresql_where=sa.text("send_at IS NOT NULL"),
        sqlite_where=sa.text("send_at IS NOT NULL"),
    )
    op.create_table(
        "rcs_campaign_count",
        sa.Column("campaign_id", ROW_ID, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("delivery_status", sa.String(16), nullable=False),
        sa.Column("delivery_channel", sa.Text, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False, comment="how many rows of rcs_message are like this now"),
        sa.Column("repeats", sa.BigInteger, nullable=False, comment="the sum of their repeats"),
        sa.Index("ix_rcs_campaign_count", "campaign_id", "state", "delivery_status"),
        comment="The messages of each campaign, counted by state, reason, delivery status and channel.",
    )
    op.create_table(
        "rcs_campaign_hour",
        sa.Column("campaign_id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("hour", TIME, primary_key=True, comment="when it began"),
        sa.Column("outcome", sa.String(16), primary_key=True, comment="accepted, or a delivery status"),
        sa.Column("messages", sa.BigInteger, nullable=False, comment="how many messages got there in this hour"),
        comment="The messages of each campaign, counted by the hours of their requests and of their delivery statuses.",
    )
    op.create_table(
        "rcs_report_count",
        sa.Column("campaign_id", ROW_ID, primary_key=True, autoincrement=False, comment="0 for parked reports"),
        sa.Column("fold", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "reports", sa.BigInteger, nullable=False, comment="how many the fold, and merged earlier ones, changed"
        ),
        sa.Column("received_at", TIME, comment="when the last of them arrived"),
        sa.Index("ix_rcs_report_count_fold", "fold"),
        comment="The reports of each campaign, counted by fold; what every watcher has handled is one row.",
    )
    op.create_table(
        "rcs_erasure",
        sa.Column("pseudonym", sa.String(64), primary_key=True, comment="of a phone"),
        sa.Column("erased_by", sa.Text, nullable=False),
        sa.Column("erased_at", TIME, nullable=False),
        comment="Erased recipients; later reports about them are stored without personal data.",
    )
    op.create_table(
        "rcs_message_channel",
        sa.Column("message_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.Text, primary_key=True, comment="the service that reported, cut to 100 letters"),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("code", sa.String(32), nullable=False, comment="the status code of that report"),
        sa.Column("reported_at", TIME, comment="the time that report gives for its status"),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="revision of the campaign at the last change"),
        comment="The latest status per channel, for messages that more than one service has reported on.",
    )
    op.create_table(
        "rcs_refused_credentials",
        sa.Column("campaign", sa.Text, primary_key=True, comment="name of the campaign, which may not exist yet"),
        sa.Column("fingerprint", sa.String(64), primary_key=True, comment="of the refused login and password"),
        sa.Column("refused_at", TIME, nullable=False),
        comment="Credentials that the service refused; the campaign does not send them again.",
    )
    create_inbox_tables()
    op.create_table(
        "rcs_capped_phone",
        sa.Column("phone", sa.String(16), primary_key=True, comment="in E.164, with +"),
        comment="Phones that a frequency cap was applied to; the row is the lock for counting their messages.",
    )
    op.create_table(
        "rcs_store",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "fold", sa.BigInteger, nullable=False, comment="number of the last fold; the row is the folding lock"
        ),
        sa.Column(
            "identity", sa.String(32), nullable=False, comment="random; tells whether a warehouse is the store itself"
        ),
        sa.Column("pseudonym_key", sa.String(64), comment="secret key of the pseudonyms; null until the first use"),
        sa.Column(
            "compatible_from",
            sa.String(32),
            nullable=False,
            server_default=sa.text("'0001'"),
            comment="the oldest version of the provider's tables whose code may use these",
        ),
        comment="One row, with the values that apply to the whole store.",
    )
    op.create_table(
        "rcs_suppression",
        sa.Column("phone", sa.String(16), primary_key=True, comment="in E.164, with +"),
        sa.Column(
            "account",
            sa.String(32),
            primary_key=True,
            server_default=sa.text("''"),
            comment="fingerprint of the only account whose campaigns it concerns; empty for all",
        ),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.CheckConstraint(
            "substr(phone, 1, 1) = '+' AND substr(phone, 2, 1) <> '0' AND length(phone) BETWEEN 8 AND 16"
            " AND ltrim(substr(phone, 2), '0123456789') = ''",
            name="phone_is_not_in_e164_add_it_with_airflow_rcs_suppress",
        ),
        comment="Phones that no campaign may message; airflow-rcs suppress adds and removes them.",
    )
    op.create_table(
        "rcs_suppression_pseudonym",
        sa.Column("pseudonym", sa.String(64), primary_key=True, comment="of a phone"),
        sa.Column(
            "account",
            sa.String(32),
            primary_key=True,
            server_default=sa.text("''"),
            comment="fingerprint of the only account whose campaigns it concerns; empty for all",
        ),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        comment="Pseudonyms of the suppressed phones that were erased.",
    )
    op.create_table(
        "rcs_watcher",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("fold", sa.BigInteger, nullable=False, comment="the last fold whose reports it has handled"),
        sa.Column("updated_at", TIME, nullable=False),
        comment="One cursor for each trigger that waits for new reports.",
    )
    op.create_table(
        "rcs_attempt",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("campaign_id", ROW_ID, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
        sa.Column("dag_id", sa.Text, comment="of the task that sends, as in Airflow; null outside of a task"),
        sa.Column("task_id", sa.Text),
        sa.Column("run_id", sa.Text, comment="null without a run"),
        sa.Column("map_index", sa.Integer, comment="-1 for a task that is not mapped"),
        sa.Column("try_number", sa.Integer),
        sa.Column(
            "started_by", sa.Text, nullable=False, comment="outside of a task, the person and the call; else empty"
        ),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("process", sa.Integer, nullable=False),
        sa.Column(
            "shard",
            sa.Text,
            nullable=False,
            comment="the part of the list that it sends to, such as 2/4; 1/1 for the whole list",
        ),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("lease_until", TIME, nullable=False, comment="the attempt counts as dead after this time"),
        sa.Column("ended_at", TIME),
        comment="One row for each process that sends, or sent, a campaign.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rcs_cancellation",
        sa.Column("campaign_id", ROW_ID, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        comment="Campaigns that are cancelled, so that nothing more is sent.",
    )
    op.create_table(
        "rcs_resolution",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("campaign_id", ROW_ID, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
        sa.Column("outcome", sa.String(16), nullable=False, comment="accepted or not_sent"),
        sa.Column("messages", sa.Integer, nullable=False, comment="how many messages it settled"),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        comment="Decisions by people about messages in doubt.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rcs_scheduled",
        sa.Column("campaign_id", ROW_ID, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
        sa.Column("due_at", TIME, nullable=False, comment="when the campaign shall be sent"),
        sa.Column("settings", sa.JSON, nullable=False, comment="how to send it; no personal data"),
        sa.Column(
            "listed_by", sa.BigInteger, nullable=False, comment="the last attempt that started to list recipients"
        ),
        sa.Column("is_whole", sa.Boolean, nullable=False, comment="whether that list was read to its end"),
        sa.Column("settled_at", TIME, comment="when a dispatch had nothing left to send"),
        comment="Campaigns held by the store, to be sent shortly before their time.",
    )
    op.create_table(
        "rcs_request",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("campaign_id", ROW_ID, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
        sa.Column("attempt_id", ROW_ID, sa.ForeignKey("rcs_attempt.id"), nullable=False, index=True),
        sa.Column("reference", sa.String(40), nullable=False, unique=True, comment="reports carry it back"),
        sa.Column(
            "state", sa.String(16), nullable=False, comment="claimed, sending, accepted, refused, in_doubt or unsent"
        ),
        sa.Column("recipients", sa.Integer, nullable=False),
        sa.Column("first_message_id", ROW_ID, nullable=False, comment="lowest id among its messages"),
        sa.Column("last_message_id", ROW_ID, nullable=False, comment="highest id among its messages"),
        sa.Column("api_campaign_id", sa.Text, nullable=False, index=True),
        sa.Column("reason", sa.Text, nullable=False, comment="why it was refused, is in doubt or was never sent"),
        sa.Column("claimed_at", TIME, nullable=False, index=True),
        sa.Column("echoed_at", TIME, comment="when the first report with its reference was folded"),
        sa.Column("settled_at", TIME),
        comment="One row for each send request.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rcs_message",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("campaign_id", ROW_ID, nullable=False),
        sa.Column(
            "recipient_key", sa.Text, nullable=False, comment="the phone, a digest of an unusable one, or a pseudonym"
        ),
        sa.Column("phone", sa.String(16), comment="in E.164, with +; null if the list has no usable phone"),
        sa.Column("phone_as_listed", sa.Text, nullable=False),
        sa.Column(
            "reading", sa.Text, nullable=False, comment="how the digits of the phone were read; empty without any"
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("variables", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column(
            "reason", sa.Text, nullable=False, comment="why it is rejected, suppressed or in doubt; one text per cause"
        ),
        sa.Column("detail", sa.Text, nullable=False, comment="where the cause was found, with phones masked"),
        sa.Column("is_excluded", sa.Boolean, nullable=False, comment="whether an exclude_sql of its campaign named it"),
        sa.Column("listed_by", sa.BigInteger, nullable=False, comment="the last attempt whose list contains it"),
        sa.Column("listed_now", sa.Integer, nullable=False, comment="how often that list contains it"),
        sa.Column("repeats", sa.Integer, nullable=False, comment="how many duplicates of it a single list contained"),
        sa.Column("request_id", ROW_ID, sa.ForeignKey("rcs_request.id")),
        sa.Column("resolution_id", sa.BigInteger, comment="the last resolution that settled it"),
        sa.Column("api_message_id", sa.Text),
        sa.Column("delivery_status", sa.String(16), nullable=False, comment="empty until a report sets it"),
        sa.Column("delivery_rank", sa.SmallInteger, nullable=False, comment="-1 until a report sets it"),
        sa.Column("delivery_code", sa.String(32), nullable=False, comment="the status code of that report"),
        sa.Column("delivery_channel", sa.Text, nullable=False, comment="the service of that report"),
        sa.Column("delivery_at", TIME, comment="the time that report gives for its status"),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="revision of the campaign at the last change"),
        sa.Column("updated_at", TIME, nullable=False),
        sa.UniqueConstraint("campaign_id", "recipient_key"),
        comment="The ledger: one row for each recipient of each campaign.",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_rcs_message_planned", "rcs_message", ["campaign_id", "id"], sqlite_where=sa.text("state = 'planned'")
    )
    op.create_index("ix_rcs_message_recipient", "rcs_message", ["recipient_key", "campaign_id"])
    op.create_index(
        "ix_rcs_message_without_phone",
        "rcs_message",
        ["id"],
        postgresql_where=sa.text("phone IS NULL AND phone_as_listed <> ''"),
        sqlite_where=sa.text("phone IS NULL AND phone_as_listed != ''"),
    )
    op.create_table(
        "rcs_changed_range",
        sa.Column("campaign_id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("first_message_id", ROW_ID, primary_key=True, autoincrement=False, comment="a multiple of 64"),
        sa.Column(
            "revision", sa.BigInteger, nullable=False, comment="the highest of these messages and their channels"
        ),
        comment="Where messages changed: a row for each 64 ids among which a campaign has any; triggers keep it.",
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        # Room for later versions of each row in its own page: such an update leaves the indexes alone and takes half as
        # long.
        op.execute("ALTER TABLE rcs_message SET (fillfactor = 50)")
        op.execute("ALTER TABLE rcs_changed_range SET (fillfactor = 50)")
        for table, parameters in STORAGE_PARAMETERS.items():
            op.execute(f"ALTER TABLE {table} SET ({parameters})")
    dialect = op.get_bind().dialect.name
    for statement in (*create_triggers(dialect), *create_range_triggers(dialect)):
        # Not as text of SQLAlchemy's, which takes a colon for the begin of a parameter's name.
        op.get_bind().exec_driver_sql(statement)
    op.execute(f"INSERT INTO rcs_store (id, fold, identity) VALUES (1, 0, '{secrets.token_hex(16)}')")
