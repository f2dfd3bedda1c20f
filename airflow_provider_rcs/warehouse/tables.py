"""The warehouse's tables: what an analyst sees of campaigns, messages and reports."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

# The keys are the store's numbers of the rows; nothing is counted here.
_Key = sa.BigInteger


@dataclass(frozen=True, slots=True)
class WarehouseTables:
    """The three tables in one schema of a warehouse."""

    metadata: sa.MetaData
    campaign: sa.Table
    message: sa.Table
    report: sa.Table


def warehouse_tables(schema: str | None) -> WarehouseTables:
    """Return the tables as they are in a schema.

    :param schema: the schema; ``None`` for the connection's own.
    """
    metadata = sa.MetaData(schema=schema)
    return WarehouseTables(metadata, _campaign(metadata), _message(metadata), _report(metadata))


def _campaign(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_campaign",
        metadata,
        sa.Column("id", _Key, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("template_id", sa.Text, nullable=False),
        sa.Column("template_name", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="up to which its messages are loaded"),
    )


def _message(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_message",
        metadata,
        sa.Column("id", _Key, primary_key=True, autoincrement=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, comment="E.164 digits; null where none could be used"),
        sa.Column("phone_as_listed", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False, comment="how often it was listed beyond the first time"),
        sa.Column("request_reference", sa.Text),
        sa.Column("api_campaign_id", sa.Text),
        sa.Column("api_message_id", sa.Text),
        sa.Column("delivery_status", sa.Text, nullable=False, comment="empty until a report tells"),
        sa.Column("delivery_code", sa.Text, nullable=False),
        sa.Column("delivery_channel", sa.Text, nullable=False),
        sa.Column("delivery_at", sa.DateTime(timezone=True)),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def _report(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "rcs_report",
        metadata,
        sa.Column("id", _Key, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger, comment="null while the message is not known"),
        sa.Column("campaign", sa.Text),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("status_code", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("campaign_reference", sa.Text, nullable=False),
        sa.Column("message_reference", sa.Text, nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True)),
        sa.Column("reported_at_text", sa.Text, nullable=False),
        sa.Column("api_campaign_id", sa.Text, nullable=False),
        sa.Column("api_message_id", sa.Text, nullable=False),
        sa.Column("extra", sa.JSON, nullable=False),
        sa.Column("fold", sa.BigInteger, nullable=False, comment="up to which the reports are loaded"),
    )
