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


# Text cannot be a key on every engine.
_StoreKey = sa.String(32)
# The store cuts channels to 100 letters; a key of MySQL holds 768 characters.
_Channel = sa.String(255)
# Text holds all of Unicode except on SQL Server, and no more than 64 KB on MySQL.
_Text = sa.Text().with_variant(sa.UnicodeText(), "mssql").with_variant(mysql.LONGTEXT(), *_MYSQL)
# MySQL stores no time zone and, by default, no fractions of a second; all values are in UTC.
_Moment = (
    sa.DateTime(timezone=True)
    .with_variant(mysql.DATETIME(fsp=6), *_MYSQL)
    # A DATETIME has no zone there.
    .with_variant(sa.TIMESTAMP(timezone=True), "bigquery")
)
# Not as text, because not every engine groups by that.
_Account = sa.String(32)
_ACCOUNT = "fingerprint of the account that sends the campaign: of its host and login; empty if it is not known"
_REVISION = "number of the campaign's revision at the last change"
_FOLD = "number of the fold that applied it; loads continue after the highest"
# Only for MySQL, whose default character set may lack characters, and compares without case and accents.
_LETTERS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in _MYSQL
    for option, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


@dataclass(frozen=True, slots=True)
class WarehouseTables:
    """The tables in one schema of a warehouse, which may hold the rows of several stores.

    ``info["version"]`` of each that is upserted names the column that rises with each change of a row.

    :param load: how far each table of each store is loaded.
    """

    metadata: sa.MetaData
    campaign: sa.Table
    message: sa.Table
    channel: sa.Table
    report: sa.Table
    inbound: sa.Table
    status_code: sa.Table
    load: sa.Table

    @property
    def loaded(self) -> tuple[sa.Table, ...]:
        """The tables that rows are upserted into, which are all but that of the loads."""
        return (self.campaign, self.message, self.channel, self.report, self.inbound, self.status_code)


def warehouse_tables(schema: str | None) -> WarehouseTables:
    """Return the tables in a schema.

    :param schema: the schema; ``None`` for the connection's default.
    """
    metadata = sa.MetaData(schema=schema)
    tables = (_campaign, _message, _channel, _report, _inbound, _status_code, _load)
    return WarehouseTables(metadata, *(table(metadata) for table in tables))


def _store() -> sa.Column[str]:
    comment = "identity of the store that the row was loaded from; part of the key"
    return sa.Column("store", _StoreKey, primary_key=True, comment=comment)


def _key() -> tuple[sa.Column[str], sa.Column[int]]:
    comment = "id of the row in its store; part of the key"
    return _store(), sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False, comment=comment)


def _text(name: str, comment: str) -> sa.Column[str]:
    """Return a column of texts, which are empty rather than null."""
    return sa.Column(name, _Text, nullable=False, comment=comment)


def _number(name: str, comment: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, comment=comment)


def _moment(name: str, comment: str, *, nullable: bool = True) -> sa.Column[Any]:
    """Return a column of moments.

    :param comment: what happened then; says UTC.
    """
    return sa.Column(name, _Moment, nullable=nullable, comment=comment)


def _campaign(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_campaign",
        metadata,
        *_key(),
        _text("name", "name of the campaign, unique in its store"),
        _text("template_id", "id of its template at the service"),
        _text("template_name", "name of its template when it was first sent"),
        _text("agent", "the RCS agent that it is sent as; empty for the account's own"),
        _moment("send_at", "when the service is asked to send it, in UTC; null for immediately"),
        _moment("created_at", "when the campaign was first planned or sent, in UTC", nullable=False),
        sa.Column("account", _Account, comment=_ACCOUNT),
        sa.Column("rcs_conn_id", _Text, comment="connection to the account that it began with"),
        sa.Column("status_codes", _Text, comment="overrides of the status codes, as JSON; joins rcs_status_code"),
        _number("revision", "number of the revision up to which its messages are loaded"),
        comment="One row per campaign.",
        info={"version": "revision"},
        **_LETTERS,
    )


def _message(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_message",
        metadata,
        *_key(),
        _text("campaign", "name of the campaign"),
        sa.Column("account", _Account, comment=_ACCOUNT),
        sa.Column(
            "phone",
            _Text,
            comment="how the phone was read: in E.164, hashed or masked if requested; null without a usable phone",
        ),
        _text("phone_as_listed", "what the list held as the phone; hashed or masked likewise"),
        _text("reading", "how its digits were read, such as: as written, national, e164; empty if there are none"),
        _text("name", "the recipient's name as listed"),
        _text("reference", "the recipient's own reference"),
        _text("state", "the message's state in the ledger: planned, sending, accepted and so on"),
        _text("reason", "why the message is rejected, suppressed or in doubt; one text per cause, empty without one"),
        _text("detail", "where the reason was found, such as the row of the list; phones are masked"),
        sa.Column(
            "repeats", sa.Integer, nullable=False, comment="number of times that the recipient was listed once more"
        ),
        sa.Column("request_reference", _Text, comment="reference of the message's request; null without a request"),
        _moment("requested_at", "when the message's request was made, in UTC; null without a request"),
        sa.Column("day", sa.Date, nullable=False, comment="day of its request in UTC; without one, of its last change"),
        sa.Column("api_campaign_id", _Text, comment="id that the service gave the request; null without a request"),
        sa.Column("api_message_id", _Text, comment="id that the service gave the message; null if it gave none"),
        _text("delivery_status", "the best status of its reports; empty until a report arrives"),
        _text("delivery_code", "status code of the report that set the status; empty until then"),
        _text("delivery_channel", "channel of that report, in capitals, such as RCS or SMS; empty until then"),
        _moment("delivery_at", "when the status changed, in UTC, as that report says; null if it does not say"),
        _number("revision", _REVISION),
        _moment("updated_at", "when the message last changed, in UTC", nullable=False),
        comment="One row per recipient of a campaign.",
        info={"version": "revision"},
        **_LETTERS,
    )


def _channel(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_message_channel",
        metadata,
        _store(),
        sa.Column("message_id", sa.BigInteger, primary_key=True, autoincrement=False, comment="id in rcs_message"),
        sa.Column("channel", _Channel, primary_key=True, comment="the service that reported, in capitals"),
        _text("campaign", "name of the campaign"),
        _text("status", "the message's latest status on this channel"),
        _text("code", "status code of the report that set the status"),
        _moment("reported_at", "when the status changed, in UTC, as that report says; null if it does not say"),
        _number("revision", _REVISION),
        comment="One row per channel of a message that several channels have reported on.",
        info={"version": "revision"},
        **_LETTERS,
    )


def _let_in_by() -> tuple[sa.Column[Any], sa.Column[Any]]:
    of_account = (
        "fingerprint of the account that sends the campaign; without a campaign, of the account that pushed, if it is "
        "known"
    )
    return (
        sa.Column("account", _Account, comment=of_account),
        sa.Column("reports_conn_id", _Text, comment="connection that let it in; empty if it came another way"),
    )


def _report(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_report",
        metadata,
        *_key(),
        sa.Column("message_id", sa.BigInteger, comment="id in rcs_message; null while the message is unknown"),
        sa.Column("campaign", _Text, comment="name of the campaign; null while the message is unknown"),
        *_let_in_by(),
        _moment("received_at", "when the report was received, in UTC", nullable=False),
        _text("service", "the service that reported, as received"),
        _text("status_code", "status code as received; joins rcs_status_code"),
        _text("agent", "the RCS agent that the message was sent as, as received"),
        _text("phone", "as in rcs_message"),
        _text("campaign_reference", "reference of the message's request, as received"),
        _text("message_reference", "the recipient's own reference, as received"),
        _moment("reported_at", "when the status changed, in UTC, according to the report; null if it cannot be read"),
        _text("reported_at_text", "the date as received, in Spain's time (assumed)"),
        _text("api_campaign_id", "id that the service gave the request, as received"),
        _text("api_message_id", "id that the service gave the message, as received"),
        sa.Column(
            "extra", Json, nullable=False, comment="fields not in the API's document; empty unless phones are plain"
        ),
        _number("fold", _FOLD),
        comment="One row per delivery report received, including repeated ones.",
        info={"version": "fold"},
        **_LETTERS,
    )


def _inbound(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_inbound",
        metadata,
        *_key(),
        sa.Column("message_id", sa.BigInteger, comment="id in rcs_message of what it replies to; null while unknown"),
        sa.Column("campaign", _Text, comment="name of the campaign; null while the message is unknown"),
        *_let_in_by(),
        _moment("received_at", "when it was received first, in UTC", nullable=False),
        _text("service", "the service that passed it on, as received"),
        _text("phone", "as in rcs_message"),
        _text("text", "what the person wrote; numbers in it are masked unless phones are plain"),
        _text("opt_out", "the word by which the person opted out; empty for none"),
        _text("sender", "the sender or agent that the person replied to"),
        _moment("sent_at", "when the person sent it, in UTC, according to the service; null if it cannot be read"),
        _text("sent_at_text", "the date as received, in Spain's time (assumed)"),
        _text("message_reference", "the recipient's own reference, as received"),
        _text("api_message_id", "id that the service gave the message that it replies to"),
        _text("api_inbound_id", "id that the service gave this message of the person"),
        sa.Column("extra", Json, nullable=False, comment="fields that are not known; empty unless phones are plain"),
        _number("fold", _FOLD),
        comment="One row per message of a person, such as a reply to a campaign; a repeated delivery is no second row.",
        info={"version": "fold"},
        **_LETTERS,
    )


def _status_code(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_status_code",
        metadata,
        _store(),
        sa.Column("digest", sa.String(64), primary_key=True, comment="SHA-256 of status_codes; part of the key"),
        sa.Column("code", sa.String(32), primary_key=True, comment="status code, as in rcs_report; part of the key"),
        _text("status_codes", "overrides of the codes, as in rcs_campaign; campaigns with the same ones share rows"),
        _text("status", "the delivery status that the code means; a code without a row means unknown"),
        _moment("loaded_at", "when the row was loaded, in UTC", nullable=False),
        comment="What the status codes of campaigns mean: one row per code and set of overrides.",
        info={"version": "loaded_at"},
        **_LETTERS,
    )


def _load(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_load",
        metadata,
        _store(),
        sa.Column("table_name", sa.String(64), primary_key=True, comment="the table that is loaded; part of the key"),
        _number("fold", "number of the fold that the last loaded row is of"),
        _number("row_id", "id of the last loaded row of that fold"),
        _moment("loaded_at", "when that row was loaded, in UTC", nullable=False),
        comment="How far each table is loaded, one row per store and table; without its row, a table is loaded again.",
        **_LETTERS,
    )
