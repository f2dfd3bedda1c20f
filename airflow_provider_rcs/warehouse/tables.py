"""The warehouse's tables, which analysts query: campaigns, messages, channels, reports and replies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

_MYSQL = ("mysql", "mariadb")
_HAS_JSON = ("sqlite", "postgresql", "duckdb", "mssql", *_MYSQL)


class Json(sa.types.TypeDecorator[Any]):
    """A JSON value that can be compared and grouped; text on databases without a JSON type in SQLAlchemy."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB())
        return dialect.type_descriptor(sa.JSON() if dialect.name in _HAS_JSON else sa.Text())

    def process_bind_param(self, value: Any | None, dialect: sa.Dialect) -> Any | None:
        return value if dialect.name in _HAS_JSON or value is None else json.dumps(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> Any | None:
        return value if dialect.name in _HAS_JSON or value is None else json.loads(value)


# The keys are the store's ids.
_Key = sa.BigInteger
# Text holds all of Unicode except on SQL Server, and no more than 64 KB on MySQL.
_Text = sa.Text().with_variant(sa.UnicodeText(), "mssql").with_variant(mysql.LONGTEXT(), *_MYSQL)
# MySQL stores no time zone and, by default, no fractions of a second; all values are in UTC.
_Moment = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), *_MYSQL)
# Not as text, because not every engine groups by that.
_Account = sa.String(32)
_ACCOUNT = "fingerprint of the account that sends the campaign: of its host and login"
# Only for MySQL, whose default character set may lack characters, and compares without case and accents.
_LETTERS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in _MYSQL
    for option, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


@dataclass(frozen=True, slots=True)
class WarehouseTables:
    """The tables in one schema of a warehouse.

    ``info["version"]`` of each names the column that rises with each change of a row.
    """

    metadata: sa.MetaData
    campaign: sa.Table
    message: sa.Table
    channel: sa.Table
    report: sa.Table
    inbound: sa.Table


def warehouse_tables(schema: str | None) -> WarehouseTables:
    """Return the tables in a schema.

    :param schema: the schema; ``None`` for the connection's default.
    """
    metadata = sa.MetaData(schema=schema)
    return WarehouseTables(metadata, *(table(metadata) for table in (_campaign, _message, _channel, _report, _inbound)))


def _campaign(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_campaign",
        metadata,
        sa.Column("id", _Key, primary_key=True, autoincrement=False),
        sa.Column("name", _Text, nullable=False),
        sa.Column("template_id", _Text, nullable=False),
        sa.Column("template_name", _Text, nullable=False),
        sa.Column("agent", _Text, nullable=False),
        sa.Column("send_at", _Moment, comment="when the service is asked to send; null for immediately"),
        sa.Column("created_at", _Moment, nullable=False),
        sa.Column("account", _Account, comment=_ACCOUNT),
        sa.Column("rcs_conn_id", _Text, comment="connection to the account that it began with"),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="revision up to which its messages are loaded"),
        comment="One row per campaign.",
        info={"version": "revision"},
        **_LETTERS,
    )


def _message(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_message",
        metadata,
        sa.Column("id", _Key, primary_key=True, autoincrement=False),
        sa.Column("campaign", _Text, nullable=False, comment="name of the campaign"),
        sa.Column("account", _Account, comment=_ACCOUNT),
        sa.Column("phone", _Text, comment="in E.164, hashed or masked if requested; null without a usable phone"),
        sa.Column("phone_as_listed", _Text, nullable=False, comment="the phone as listed; hashed or masked likewise"),
        sa.Column("name", _Text, nullable=False),
        sa.Column("reference", _Text, nullable=False, comment="the recipient's own reference"),
        sa.Column("state", _Text, nullable=False, comment="the message's state in the ledger"),
        sa.Column("reason", _Text, nullable=False, comment="why the message is rejected, suppressed or in doubt"),
        sa.Column("detail", _Text, nullable=False, comment="where the reason was found; phones are masked"),
        sa.Column("repeats", sa.Integer, nullable=False, comment="how many more times the recipient was listed"),
        sa.Column("request_reference", _Text),
        sa.Column("requested_at", _Moment, comment="when the message's request was made; null without a request"),
        sa.Column("day", sa.Date, nullable=False, comment="day of its request in UTC; without one, of its last change"),
        sa.Column("api_campaign_id", _Text),
        sa.Column("api_message_id", _Text),
        sa.Column("delivery_status", _Text, nullable=False, comment="empty until a report arrives"),
        sa.Column("delivery_code", _Text, nullable=False),
        sa.Column("delivery_channel", _Text, nullable=False),
        sa.Column("delivery_at", _Moment),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="the campaign's revision at the last change"),
        sa.Column("updated_at", _Moment, nullable=False),
        comment="One row per recipient of a campaign.",
        info={"version": "revision"},
        **_LETTERS,
    )


def _channel(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_message_channel",
        metadata,
        sa.Column("id", sa.String(64), primary_key=True, comment="id of the message and channel"),
        sa.Column("message_id", sa.BigInteger, nullable=False, comment="id in rcs_message"),
        sa.Column("campaign", _Text, nullable=False, comment="name of the campaign"),
        sa.Column("channel", _Text, nullable=False, comment="the service that reported"),
        sa.Column("status", _Text, nullable=False, comment="the message's latest status on this channel"),
        sa.Column("code", _Text, nullable=False, comment="status code of the report that set the status"),
        sa.Column("reported_at", _Moment, comment="when the status changed, according to that report"),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="the campaign's revision at the last change"),
        comment="One row per channel of a message that several channels have reported on.",
        info={"version": "revision"},
        **_LETTERS,
    )


def _let_in_by() -> tuple[sa.Column[Any], sa.Column[Any]]:
    of_account = f"{_ACCOUNT}; without a campaign, of the account that pushed, if that is known"
    return (
        sa.Column("account", _Account, comment=of_account),
        sa.Column("reports_conn_id", _Text, comment="connection that let it in; empty if it came another way"),
    )


def _report(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_report",
        metadata,
        sa.Column("id", _Key, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger, comment="null while the message is unknown"),
        sa.Column("campaign", _Text, comment="name of the campaign"),
        *_let_in_by(),
        sa.Column("received_at", _Moment, nullable=False),
        sa.Column("service", _Text, nullable=False),
        sa.Column("status_code", _Text, nullable=False),
        sa.Column("agent", _Text, nullable=False),
        sa.Column("phone", _Text, nullable=False, comment="as in rcs_message"),
        sa.Column("campaign_reference", _Text, nullable=False),
        sa.Column("message_reference", _Text, nullable=False),
        sa.Column("reported_at", _Moment),
        sa.Column("reported_at_text", _Text, nullable=False, comment="the date as received"),
        sa.Column("api_campaign_id", _Text, nullable=False),
        sa.Column("api_message_id", _Text, nullable=False),
        sa.Column(
            "extra", Json, nullable=False, comment="fields not in the API's document; empty unless phones are plain"
        ),
        sa.Column(
            "fold", sa.BigInteger, nullable=False, comment="number of its fold; loads continue after the highest"
        ),
        comment="One row per delivery report received, including repeated ones.",
        info={"version": "fold"},
        **_LETTERS,
    )


def _inbound(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_inbound",
        metadata,
        sa.Column("id", _Key, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger, comment="the message that it replies to; null while unknown"),
        sa.Column("campaign", _Text, comment="name of the campaign"),
        *_let_in_by(),
        sa.Column("received_at", _Moment, nullable=False),
        sa.Column("service", _Text, nullable=False),
        sa.Column("phone", _Text, nullable=False, comment="as in rcs_message"),
        sa.Column(
            "text",
            _Text,
            nullable=False,
            comment="what the person wrote; numbers in it are masked unless phones are plain",
        ),
        sa.Column("opt_out", _Text, nullable=False, comment="the word by which the person opted out; empty for none"),
        sa.Column("sender", _Text, nullable=False, comment="the sender or agent that the person replied to"),
        sa.Column("sent_at", _Moment),
        sa.Column("sent_at_text", _Text, nullable=False, comment="the date as received"),
        sa.Column("message_reference", _Text, nullable=False),
        sa.Column("api_message_id", _Text, nullable=False, comment="of the message that it replies to"),
        sa.Column("api_inbound_id", _Text, nullable=False),
        sa.Column("extra", Json, nullable=False, comment="fields that are not known; empty unless phones are plain"),
        sa.Column(
            "fold", sa.BigInteger, nullable=False, comment="number of its fold; loads continue after the highest"
        ),
        comment="One row per message of a person, such as a reply to a campaign; a repeated delivery is no second row.",
        info={"version": "fold"},
        **_LETTERS,
    )
