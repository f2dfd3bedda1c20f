"""The tables of the store; the migrations create them."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from airflow_provider_rcs.store.db.types import RowId, UtcDateTime

# Tables with an id set sqlite_autoincrement: otherwise SQLite reuses the id of a deleted row, which would overwrite
# another row in the warehouse.
metadata = sa.MetaData()


store = sa.Table(
    "rcs_store",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fold", sa.BigInteger, nullable=False, comment="number of the last fold; the row is the folding lock"),
    sa.Column(
        "identity",
        sa.String(32),
        nullable=False,
        default=lambda: secrets.token_hex(16),
        comment="random; tells whether a warehouse is the store itself",
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


campaign = sa.Table(
    "rcs_campaign",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("token", sa.String(16), nullable=False, unique=True, comment="prefix of the references of its requests"),
    sa.Column("template_id", sa.Text, nullable=False),
    sa.Column("template_name", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("send_at", UtcDateTime, comment="when the service shall send; null for immediately"),
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
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("reports_since", UtcDateTime, comment="since when its requests ask for reports; null if they never did"),
    sa.Column("pseudonymised_at", UtcDateTime, comment="when recipients were last replaced by pseudonyms, if ever"),
    sa.Column("test_of", sa.Text, comment="the campaign that it tests on the team's phones; null if it is no test"),
    comment="One row per campaign; the row is the lock for its messages.",
    sqlite_autoincrement=True,
)


sa.Index(
    "ix_rcs_campaign_send_at",
    campaign.c.send_at,
    postgresql_where=campaign.c.send_at.is_not(None),
    sqlite_where=campaign.c.send_at.is_not(None),
)


attempt = sa.Table(
    "rcs_attempt",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
    sa.Column("dag_id", sa.Text, comment="of the task that sends, as in Airflow; null outside of a task"),
    sa.Column("task_id", sa.Text),
    sa.Column("run_id", sa.Text, comment="null without a run"),
    sa.Column("map_index", sa.Integer, comment="-1 for a task that is not mapped"),
    sa.Column("try_number", sa.Integer),
    sa.Column("started_by", sa.Text, nullable=False, comment="outside of a task, the person and the call; else empty"),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column(
        "shard",
        sa.Text,
        nullable=False,
        comment="the part of the list that it sends to, such as 2/4; 1/1 for the whole list",
    ),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime, nullable=False, comment="the attempt counts as dead after this time"),
    sa.Column("ended_at", UtcDateTime),
    comment="One row for each process that sends, or sent, a campaign.",
    sqlite_autoincrement=True,
)


request = sa.Table(
    "rcs_request",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
    sa.Column("attempt_id", RowId, sa.ForeignKey("rcs_attempt.id"), nullable=False, index=True),
    sa.Column("reference", sa.String(40), nullable=False, unique=True, comment="reports carry it back"),
    sa.Column(
        "state", sa.String(16), nullable=False, comment="claimed, sending, accepted, refused, in_doubt or unsent"
    ),
    sa.Column("recipients", sa.Integer, nullable=False),
    sa.Column("first_message_id", RowId, nullable=False, comment="lowest id among its messages"),
    sa.Column("last_message_id", RowId, nullable=False, comment="highest id among its messages"),
    sa.Column("api_campaign_id", sa.Text, nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False, comment="why it was refused, is in doubt or was never sent"),
    sa.Column("claimed_at", UtcDateTime, nullable=False, index=True),
    sa.Column("echoed_at", UtcDateTime, comment="when the first report with its reference was folded"),
    sa.Column("settled_at", UtcDateTime),
    comment="One row for each send request.",
    sqlite_autoincrement=True,
)


message = sa.Table(
    "rcs_message",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    # No foreign key: PostgreSQL would look it up for every row. That of rcs_attempt protects the campaign as well.
    sa.Column("campaign_id", RowId, nullable=False),
    sa.Column(
        "recipient_key", sa.Text, nullable=False, comment="the phone, a digest of an unusable one, or a pseudonym"
    ),
    sa.Column("phone", sa.String(16), comment="in E.164, with +; null if the list has no usable phone"),
    sa.Column("phone_as_listed", sa.Text, nullable=False),
    sa.Column("reading", sa.Text, nullable=False, comment="how the digits of the phone were read; empty without any"),
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
    sa.Column("request_id", RowId, sa.ForeignKey("rcs_request.id")),
    sa.Column("resolution_id", sa.BigInteger, comment="the last resolution that settled it"),
    sa.Column("api_message_id", sa.Text),
    sa.Column("delivery_status", sa.String(16), nullable=False, comment="empty until a report sets it"),
    sa.Column("delivery_rank", sa.SmallInteger, nullable=False, comment="-1 until a report sets it"),
    sa.Column("delivery_code", sa.String(32), nullable=False, comment="the status code of that report"),
    sa.Column("delivery_channel", sa.Text, nullable=False, comment="the service of that report"),
    sa.Column("delivery_at", UtcDateTime, comment="the time that report gives for its status"),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="revision of the campaign at the last change"),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("campaign_id", "recipient_key"),
    comment="The ledger: one row for each recipient of each campaign.",
    sqlite_autoincrement=True,
)


# A partial index on SQLite only: on PostgreSQL every claim would then rewrite the entries of its rows in all indexes.
sa.Index(
    "ix_rcs_message_planned",
    message.c.campaign_id,
    message.c.id,
    sqlite_where=message.c.state == "planned",
)


# With the campaign, so that a frequency cap finds the campaigns of a phone in the index, without the messages.
sa.Index("ix_rcs_message_recipient", message.c.recipient_key, message.c.campaign_id)


# A few pages of the database: of a fold whose reports are on messages far apart, a load reads little else, and a claim
# of 1,000 messages writes 16 rows. The triggers of the first migration repeat it.
IDS_PER_RANGE = 64


changed_range = sa.Table(
    "rcs_changed_range",
    metadata,
    sa.Column("campaign_id", RowId, primary_key=True, autoincrement=False),
    sa.Column("first_message_id", RowId, primary_key=True, autoincrement=False, comment="a multiple of 64"),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="the highest of these messages and their channels"),
    comment="Where messages changed: a row for each 64 ids among which a campaign has any; triggers keep it.",
    sqlite_with_rowid=False,
)


capped_phone = sa.Table(
    "rcs_capped_phone",
    metadata,
    sa.Column("phone", sa.String(16), primary_key=True, comment="in E.164, with +"),
    comment="Phones that a frequency cap was applied to; the row is the lock for counting their messages.",
)


def _suppressed_for() -> sa.Column[str]:
    comment = "fingerprint of the only account whose campaigns it concerns; empty for all"
    return sa.Column("account", sa.String(32), primary_key=True, server_default=sa.text("''"), comment=comment)


suppression = sa.Table(
    "rcs_suppression",
    metadata,
    sa.Column("phone", sa.String(16), primary_key=True, comment="in E.164, with +"),
    _suppressed_for(),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.CheckConstraint(
        "substr(phone, 1, 1) = '+' AND substr(phone, 2, 1) <> '0' AND length(phone) BETWEEN 8 AND 16"
        " AND ltrim(substr(phone, 2), '0123456789') = ''",
        # Databases name it in their errors.
        name="phone_is_not_in_e164_add_it_with_airflow_rcs_suppress",
    ),
    comment="Phones that no campaign may message; airflow-rcs suppress adds and removes them.",
)


resolution = sa.Table(
    "rcs_resolution",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
    sa.Column("outcome", sa.String(16), nullable=False, comment="accepted or not_sent"),
    sa.Column("messages", sa.Integer, nullable=False, comment="how many messages it settled"),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
    comment="Decisions by people about messages in doubt.",
    sqlite_autoincrement=True,
)


refused_credentials = sa.Table(
    "rcs_refused_credentials",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True, comment="name of the campaign, which may not exist yet"),
    sa.Column("fingerprint", sa.String(64), primary_key=True, comment="of the refused login and password"),
    sa.Column("refused_at", UtcDateTime, nullable=False),
    comment="Credentials that the service refused; the campaign does not send them again.",
)


watcher = sa.Table(
    "rcs_watcher",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("fold", sa.BigInteger, nullable=False, comment="the last fold whose reports it has handled"),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    comment="One cursor for each trigger that waits for new reports.",
)


scheduled = sa.Table(
    "rcs_scheduled",
    metadata,
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
    sa.Column("due_at", UtcDateTime, nullable=False, comment="when the campaign shall be sent"),
    sa.Column("settings", sa.JSON, nullable=False, comment="how to send it; no personal data"),
    sa.Column("listed_by", sa.BigInteger, nullable=False, comment="the last attempt that started to list recipients"),
    sa.Column("is_whole", sa.Boolean, nullable=False, comment="whether that list was read to its end"),
    sa.Column("settled_at", UtcDateTime, comment="when a dispatch had nothing left to send"),
    comment="Campaigns held by the store, to be sent shortly before their time.",
)


cancellation = sa.Table(
    "rcs_cancellation",
    metadata,
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
    comment="Campaigns that are cancelled, so that nothing more is sent.",
)


suppression_pseudonym = sa.Table(
    "rcs_suppression_pseudonym",
    metadata,
    sa.Column("pseudonym", sa.String(64), primary_key=True, comment="of a phone"),
    _suppressed_for(),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    comment="Pseudonyms of the suppressed phones that were erased.",
)


erasure = sa.Table(
    "rcs_erasure",
    metadata,
    sa.Column("pseudonym", sa.String(64), primary_key=True, comment="of a phone"),
    sa.Column("erased_by", sa.Text, nullable=False),
    sa.Column("erased_at", UtcDateTime, nullable=False),
    comment="Erased recipients; later reports about them are stored without personal data.",
)
