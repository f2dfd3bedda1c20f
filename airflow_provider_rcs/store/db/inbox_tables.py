"""The tables of the inbox: what was received; the migrations create them."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import metadata
from airflow_provider_rcs.store.db.types import RowId, UtcDateTime


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
    sa.Column("reported_at", UtcDateTime, comment="null if the date could not be read"),
    sa.Column("reported_at_text", sa.Text, nullable=False, comment="the date as received, in Spain's time (assumed)"),
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


sa.Index(
    "ix_rcs_report_unfolded",
    report.c.id,
    postgresql_where=report.c.fold.is_(None),
    sqlite_where=report.c.fold.is_(None),
)


sa.Index("ix_rcs_report_fold", report.c.fold, report.c.id)


_parked = sa.and_(report.c.fold.is_not(None), report.c.message_id.is_(None))


# By date: what a report holds may be longer than an entry of an index.
sa.Index("ix_rcs_report_parked", report.c.received_at, postgresql_where=_parked, sqlite_where=_parked)


# What the references of a campaign's requests have in common: its token and a hyphen. Without parameters, because the
# expression of a query must be that of the index.
REFERENCE_PREFIX = sa.func.substr(report.c.campaign_reference, sa.literal_column("1"), sa.literal_column("9"))


sa.Index("ix_rcs_report_parked_reference", REFERENCE_PREFIX, postgresql_where=_parked, sqlite_where=_parked)


_set_aside = report.c.fold_error.is_not(None)


sa.Index("ix_rcs_report_set_aside", report.c.id, postgresql_where=_set_aside, sqlite_where=_set_aside)


message_channel = sa.Table(
    "rcs_message_channel",
    metadata,
    sa.Column("message_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("channel", sa.Text, primary_key=True, comment="the service that reported, cut to 100 letters"),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("rank", sa.SmallInteger, nullable=False),
    sa.Column("code", sa.String(32), nullable=False, comment="the status code of that report"),
    sa.Column("reported_at", UtcDateTime, comment="the time that report gives for its status"),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="revision of the campaign at the last change"),
    comment="The latest status per channel, for messages that more than one service has reported on.",
)


report_refused = sa.Table(
    "rcs_report_refused",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "digest", sa.String(64), nullable=False, unique=True, comment="SHA-256 of connection, content type and body"
    ),
    sa.Column("received_at", UtcDateTime, nullable=False, comment="when it was received first"),
    sa.Column("last_received_at", UtcDateTime, nullable=False),
    sa.Column("times", sa.Integer, nullable=False, comment="how often it was received"),
    sa.Column("landed", sa.Integer, nullable=False, comment="how many reports and replies in it were understood"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="unchanged, byte for byte"),
    *_let_in_by(),
    comment="One row for each request body that came with valid credentials but could not be read.",
    sqlite_autoincrement=True,
)


inbound = sa.Table(
    "rcs_inbound",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True, comment="SHA-256 of all that the service sent"),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False, comment="the sender or agent that the person replied to"),
    sa.Column("sent_at", UtcDateTime, comment="null if the date could not be read"),
    sa.Column("sent_at_text", sa.Text, nullable=False, comment="the date as received, in Spain's time (assumed)"),
    sa.Column("message_reference", sa.Text, nullable=False),
    sa.Column("api_message_id", sa.Text, nullable=False, comment="of the message that the person replied to"),
    sa.Column("api_inbound_id", sa.Text, nullable=False),
    sa.Column("extra", sa.JSON, nullable=False, comment="fields that are not known"),
    sa.Column("opt_out", sa.Text, nullable=False, comment="the word by which the person opted out; empty for none"),
    sa.Column("is_unapplied", sa.Boolean, nullable=False, comment="whether it is an opt-out that suppresses no phone"),
    sa.Column("fold", sa.BigInteger, comment="number of the fold that looked for its message; null until then"),
    sa.Column("message_id", sa.BigInteger, comment="the message that it replies to; null while unknown"),
    *_let_in_by(),
    comment="One row for each message of a person, such as a reply to a campaign.",
    sqlite_autoincrement=True,
)


sa.Index("ix_rcs_inbound_fold", inbound.c.fold, inbound.c.id)


_is_unapplied = inbound.c.is_unapplied


sa.Index("ix_rcs_inbound_unapplied", inbound.c.id, postgresql_where=_is_unapplied, sqlite_where=_is_unapplied)
