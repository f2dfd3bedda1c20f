"""The view of message times: when each message was sent, delivered and read, according to its reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DELIVERED_STATUSES, DeliveryStatus
from airflow_provider_rcs.warehouse.tables import WarehouseTables
from airflow_provider_rcs.warehouse.views import View

_COLUMNS = {
    "store": "identity of the store that the message was loaded from; part of the key",
    "message_id": "id in rcs_message; part of the key",
    "account": "fingerprint of the account that sends the campaign; empty if it is not known",
    "campaign": "name of the campaign",
    "template_id": "id of the campaign's template at the service; null until the campaign is loaded",
    "channel": "channel of the report that set the status, in capitals; empty without a report",
    "delivery_status": "the best status of its reports; empty without a report",
    "requested_at": "when the message's request was made, in UTC; null without a request",
    "sent_at": "when its first report of sent says that it was sent, in UTC; null without one",
    "delivered_at": "when its first report of delivered, read or clicked says that it was, in UTC; null without one",
    "read_at": "when its first report of read or clicked says that it was, in UTC; null without one",
    "seconds_to_delivery": "seconds from sent_at, or else requested_at, to delivered_at; null if not delivered",
    "seconds_to_reading": "seconds from sent_at, or else requested_at, to read_at; null if not read",
}

_READ_STATUSES = tuple(status for status in DeliveryStatus if status.rank >= DeliveryStatus.READ.rank)


def _message_times(tables: WarehouseTables, dialect: str) -> sa.Select[Any]:
    message, campaign = tables.message, tables.campaign
    times = _times(tables)
    since = sa.func.coalesce(times.c.sent_at, message.c.requested_at)
    of_campaign = sa.and_(campaign.c.store == message.c.store, campaign.c.name == message.c.campaign)
    # Also by campaign, so that a query of one campaign reads the reports of that one only.
    of_message = sa.and_(
        times.c.store == message.c.store,
        times.c.campaign == message.c.campaign,
        times.c.message_id == message.c.id,
    )
    return sa.select(
        message.c.store,
        message.c.id.label("message_id"),
        message.c.account,
        message.c.campaign,
        campaign.c.template_id,
        message.c.delivery_channel.label("channel"),
        message.c.delivery_status,
        message.c.requested_at,
        times.c.sent_at,
        times.c.delivered_at,
        times.c.read_at,
        _seconds(since, times.c.delivered_at, dialect).label("seconds_to_delivery"),
        _seconds(since, times.c.read_at, dialect).label("seconds_to_reading"),
    ).select_from(message.outerjoin(campaign, of_campaign).outerjoin(times, of_message))


MESSAGE_TIMES = View(
    "rcs_message_times",
    "One row per message: when it was sent, delivered and read, according to its reports.",
    _COLUMNS,
    _message_times,
)


def _times(tables: WarehouseTables) -> sa.Subquery:
    """Return the times of each message that has reports."""
    report, campaign, code = tables.report, tables.campaign, tables.status_code
    key = (report.c.store, report.c.campaign, report.c.message_id)
    # As the store counts: by the time of reception if the report's own date cannot be read.
    moment = sa.func.coalesce(report.c.reported_at, report.c.received_at)

    def first(statuses: Sequence[DeliveryStatus]) -> sa.ColumnElement[Any]:
        return sa.func.min(sa.case((code.c.status.in_(statuses), moment)))

    of_campaign = sa.and_(campaign.c.store == report.c.store, campaign.c.name == report.c.campaign)
    of_code = sa.and_(
        code.c.store == report.c.store,
        code.c.status_codes == campaign.c.status_codes,
        code.c.code == report.c.status_code,
    )
    return (
        sa.select(
            *key,
            first([DeliveryStatus.SENT]).label("sent_at"),
            first(DELIVERED_STATUSES).label("delivered_at"),
            first(_READ_STATUSES).label("read_at"),
        )
        .select_from(report.join(campaign, of_campaign).join(code, of_code))
        .where(report.c.message_id.is_not(None))
        .group_by(*key)
        .subquery("times")
    )


def _seconds(earlier: sa.ColumnElement[Any], later: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
    """Return the seconds between two moments, rounded to milliseconds."""
    match dialect:
        case "sqlite":
            days = sa.func.julianday(later) - sa.func.julianday(earlier)
            return sa.func.round(days * sa.literal_column("86400.0"), 3, type_=sa.Double)
        case "mysql" | "mariadb":
            return _rounded(sa.func.timestampdiff(sa.text("MICROSECOND"), earlier, later))
        case "snowflake":
            return _rounded(sa.cast(sa.func.datediff(sa.text("'microsecond'"), earlier, later), sa.Double))
        case "mssql":
            return _rounded(sa.cast(sa.func.datediff_big(sa.text("microsecond"), earlier, later), sa.Float(53)))
        case "bigquery":
            return _rounded(sa.func.timestamp_diff(later, earlier, sa.text("MICROSECOND")))
        case _:
            seconds = sa.cast(sa.extract("epoch", later - earlier), sa.Numeric(18, 3))
            return sa.cast(seconds, sa.Double)


def _rounded(microseconds: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return seconds; engines that would count milliseconds cut them off, or count how often they begin."""
    thousand: sa.ColumnElement[float] = sa.literal_column("1e3", sa.Double)
    return sa.func.round(microseconds / thousand / thousand, 3, type_=sa.Double)
