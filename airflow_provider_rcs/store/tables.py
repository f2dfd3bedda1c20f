"""The tables of the store, as SQLAlchemy Core sees them; the migrations make them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment, always aware and in UTC, also on databases that keep no time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only where the key is spelled INTEGER.
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# sqlite_autoincrement: else SQLite gives a deleted row's number to a new one, and copies in the warehouse mix them up.
metadata = sa.MetaData()

store = sa.Table(
    "rcs_store",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fold", sa.BigInteger, nullable=False, comment="number of the last fold; its row is the folds' lock"),
    sa.Column("hash_key", sa.String(64), comment="the secret of the hashes; null until one is made"),
    comment="One row: what is counted over the whole store.",
)

campaign = sa.Table(
    "rcs_campaign",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("token", sa.String(16), nullable=False, unique=True, comment="first part of its requests' references"),
    sa.Column("template_id", sa.Text, nullable=False),
    sa.Column("template_name", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("send_at", UtcDateTime, comment="when the service is asked to send; null for at once"),
    sa.Column("status_codes", sa.JSON, nullable=False, comment="overrides of the status codes, code -> status"),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="rises with each change of its messages"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("reports_since", UtcDateTime, comment="since when its requests ask for reports; null if they never did"),
    sa.Column("hashed_at", UtcDateTime, comment="when recipients of it were last replaced by hashes; null if none was"),
    comment="One row for each campaign; its row is the lock of its messages.",
    sqlite_autoincrement=True,
)

attempt = sa.Table(
    "rcs_attempt",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
    sa.Column("made_by", sa.Text, nullable=False, comment="the task and the process that sends"),
    sa.Column(
        "shard",
        sa.Text,
        nullable=False,
        server_default="1/1",
        comment="the part of the list that it sends to, such as 2/4; 1/1 for all of it",
    ),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime, nullable=False, comment="after it the attempt counts as dead"),
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
    sa.Column("reference", sa.String(40), nullable=False, unique=True, comment="comes back in reports"),
    sa.Column(
        "state", sa.String(16), nullable=False, comment="claimed, sending, accepted, refused, in_doubt or unsent"
    ),
    sa.Column("recipients", sa.Integer, nullable=False),
    sa.Column("first_message_id", RowId, comment="its messages have numbers from here; null where that is not known"),
    sa.Column("last_message_id", RowId, comment="to here"),
    sa.Column("api_campaign_id", sa.Text, nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False, comment="why it was refused, is in doubt or never left"),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("echoed_at", UtcDateTime, comment="when a report first proved that the service accepted it"),
    sa.Column("settled_at", UtcDateTime),
    comment="One row for each call that sends.",
    sqlite_autoincrement=True,
)

message = sa.Table(
    "rcs_message",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    # No foreign key, which PostgreSQL looks up for each row; the attempts hold on to their campaign as well.
    sa.Column("campaign_id", RowId, nullable=False),
    sa.Column("recipient_key", sa.Text, nullable=False, comment="the phone, or a hash of what came instead"),
    sa.Column("phone", sa.String(15), comment="E.164 digits; null where none could be used"),
    sa.Column("phone_as_listed", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("variables", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, comment="why it is rejected, suppressed or in doubt; alike for alike"),
    sa.Column("detail", sa.Text, nullable=False, comment="where the reason was found, phones masked"),
    sa.Column("listed_by", sa.BigInteger, nullable=False, comment="the last attempt whose list it is on"),
    sa.Column("listed_now", sa.Integer, nullable=False, comment="how often it is on that list"),
    sa.Column("repeats", sa.Integer, nullable=False, comment="how often it was on one list beyond the first time"),
    sa.Column("request_id", RowId, sa.ForeignKey("rcs_request.id")),
    sa.Column("resolution_id", sa.BigInteger, comment="the last word of a person that settled it"),
    sa.Column("api_message_id", sa.Text),
    sa.Column("delivery_status", sa.String(16), nullable=False, comment="empty until a report tells"),
    sa.Column("delivery_rank", sa.SmallInteger, nullable=False, comment="-1 until a report tells"),
    sa.Column("delivery_code", sa.String(32), nullable=False, comment="the status code of that report"),
    sa.Column("delivery_channel", sa.Text, nullable=False, comment="the service of that report"),
    sa.Column("delivery_at", UtcDateTime, comment="when that report's status came to be"),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="the campaign's revision at its last change"),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("campaign_id", "recipient_key"),
    comment="One row for each recipient of a campaign: the ledger.",
    sqlite_autoincrement=True,
)
# Not of those who are planned alone on PostgreSQL: a claim would have to write its row into all indexes anew.
sa.Index(
    "ix_rcs_message_planned",
    message.c.campaign_id,
    message.c.id,
    sqlite_where=message.c.state == "planned",
)

report = sa.Table(
    "rcs_report",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("status_code", sa.String(32), nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("campaign_reference", sa.Text, nullable=False),
    sa.Column("message_reference", sa.Text, nullable=False),
    sa.Column("reported_at", UtcDateTime, comment="null where the date could not be read"),
    sa.Column("reported_at_text", sa.Text, nullable=False, comment="the date as it came, in Spain's time (assumed)"),
    sa.Column("api_campaign_id", sa.Text, nullable=False),
    sa.Column("api_message_id", sa.Text, nullable=False),
    sa.Column("extra", sa.JSON, nullable=False, comment="fields that the document does not name"),
    sa.Column("fold", sa.BigInteger, comment="number of the fold that took it up; null until then"),
    sa.Column("message_id", sa.BigInteger, comment="the message it is about; null while that is not known"),
    comment="One row for each delivery report that came, repeated ones too.",
    sqlite_autoincrement=True,
)
sa.Index(
    "ix_rcs_report_unfolded",
    report.c.id,
    postgresql_where=report.c.fold.is_(None),
    sqlite_where=report.c.fold.is_(None),
)
sa.Index("ix_rcs_report_fold", report.c.fold)
_parked = sa.and_(report.c.fold.is_not(None), report.c.message_id.is_(None))
sa.Index("ix_rcs_report_parked", report.c.api_message_id, postgresql_where=_parked, sqlite_where=_parked)

message_channel = sa.Table(
    "rcs_message_channel",
    metadata,
    sa.Column("message_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("channel", sa.Text, primary_key=True, comment="the service that reported"),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("rank", sa.SmallInteger, nullable=False),
    sa.Column("code", sa.String(32), nullable=False, comment="the status code of the report that told it"),
    sa.Column("reported_at", UtcDateTime, comment="when that report's status came to be"),
    sa.Column(
        "revision",
        sa.BigInteger,
        server_default=sa.text("0"),
        nullable=False,
        comment="the campaign's revision at its last change",
    ),
    comment="The latest status of each channel, for the messages on which more than one service has reported.",
)

report_refused = sa.Table(
    "rcs_report_refused",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="byte by byte as it came"),
    comment="One row for each body that came with the right credentials and could not be understood.",
    sqlite_autoincrement=True,
)

suppression = sa.Table(
    "rcs_suppression",
    metadata,
    sa.Column("phone", sa.String(15), primary_key=True, comment="E.164 digits"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    comment="Who must not be messaged by any campaign.",
)

exclusion = sa.Table(
    "rcs_exclusion",
    metadata,
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
    sa.Column("phone", sa.String(15), primary_key=True, comment="E.164 digits"),
    comment="Who must not be messaged by a campaign, as its tasks' exclude_sql said.",
)

resolution = sa.Table(
    "rcs_resolution",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), nullable=False, index=True),
    sa.Column("outcome", sa.String(16), nullable=False, comment="accepted or not_sent"),
    sa.Column("messages", sa.Integer, nullable=False, comment="how many messages it settled"),
    sa.Column("said_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("said_at", UtcDateTime, nullable=False),
    comment="What people said of messages in doubt.",
    sqlite_autoincrement=True,
)

refused_credentials = sa.Table(
    "rcs_refused_credentials",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True, comment="its name; it need not have been begun"),
    sa.Column("fingerprint", sa.String(64), primary_key=True, comment="of the login and password that were refused"),
    sa.Column("refused_at", UtcDateTime, nullable=False),
    comment="Credentials that the service refused; the campaign does not show them to it again.",
)

silence = sa.Table(
    "rcs_silence",
    metadata,
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
    sa.Column("told_to", sa.Text, primary_key=True, comment="the task that waits, or the receivers"),
    sa.Column("told_at", UtcDateTime, nullable=False),
    comment="Who was told that no report comes on a campaign, so that each is told once.",
)

watcher = sa.Table(
    "rcs_watcher",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("fold", sa.BigInteger, nullable=False, comment="the last fold whose reports it was told of"),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    comment="How far those who are told of new reports have come.",
)

scheduled = sa.Table(
    "rcs_scheduled",
    metadata,
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
    sa.Column("due_at", UtcDateTime, nullable=False, comment="the campaign's date"),
    sa.Column("settings", sa.JSON, nullable=False, comment="how to send it; nothing of a person"),
    sa.Column("listed_by", sa.BigInteger, nullable=False, comment="the last attempt that began to list"),
    sa.Column("is_whole", sa.Boolean, nullable=False, comment="whether that list came to its end"),
    sa.Column("settled_at", UtcDateTime, comment="when a dispatch had nothing left to do"),
    comment="Campaigns that are kept until shortly before their date, and sent by a dispatch.",
)

cancellation = sa.Table(
    "rcs_cancellation",
    metadata,
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
    sa.Column("said_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("said_at", UtcDateTime, nullable=False),
    comment="Campaigns that are cancelled: nobody is sent to any more.",
)

suppression_hash = sa.Table(
    "rcs_suppression_hash",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True, comment="of a phone"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    comment="Who must not be messaged by any campaign, of those who were erased.",
)

exclusion_hash = sa.Table(
    "rcs_exclusion_hash",
    metadata,
    sa.Column("campaign_id", RowId, sa.ForeignKey("rcs_campaign.id"), primary_key=True, autoincrement=False),
    sa.Column("hash", sa.String(64), primary_key=True, comment="of a phone"),
    comment="Who must not be messaged by a campaign, of those who were erased or whose campaign was pruned.",
)

erasure = sa.Table(
    "rcs_erasure",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True, comment="of a phone"),
    sa.Column("said_by", sa.Text, nullable=False),
    sa.Column("erased_at", UtcDateTime, nullable=False),
    comment="Who was erased, and by whom: what comes of them later is not kept either.",
)
