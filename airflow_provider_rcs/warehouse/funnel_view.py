"""The funnel view: messages per campaign and day, by state and delivery status."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DELIVERED_STATUSES, DeliveryStatus, MessageState

VIEW = "rcs_campaign_funnel"


def funnel(message: sa.Table) -> sa.Select[tuple[object, ...]]:
    """Return the query of the view.

    A message counts on the day of its request, or without one on the day of its last change. A phone that was listed
    several times is one message, and its repeats count as duplicates.
    """
    state, status, channel = message.c.state, message.c.delivery_status, sa.func.upper(message.c.delivery_channel)
    delivered = status.in_(DELIVERED_STATUSES)
    # SMS of several kinds are reported on the same account, by services whose names begin so (public).
    by_rcs, by_sms = channel == "RCS", channel.like("SMS%")
    counts = {
        **{str(each): _count(state == each) for each in MessageState},
        "duplicate": _sum(sa.case((state == MessageState.DUPLICATE, 1), else_=0) + message.c.repeats),
        "unreported": _count(sa.and_(state == MessageState.ACCEPTED, status == "")),
        **{str(each): _count(status == each) for each in DeliveryStatus},
        "delivered": _count(delivered),
        "delivered_rcs": _count(sa.and_(delivered, by_rcs)),
        "delivered_sms": _count(sa.and_(delivered, by_sms)),
        "delivered_otherwise": _count(sa.and_(delivered, sa.not_(sa.or_(by_rcs, by_sms)))),
    }
    return sa.select(
        message.c.campaign,
        message.c.day,
        _sum(1 + message.c.repeats).label("requested"),
        *(count.label(name) for name, count in counts.items()),
        # Last: PostgreSQL replaces a view only if new columns come after the others.
        message.c.account,
    ).group_by(message.c.campaign, message.c.day, message.c.account)


def create_statements(message: sa.Table, dialect: sa.Dialect) -> list[str]:
    """Return the statements that create or replace the view."""
    view = dialect.identifier_preparer.format_table(sa.table(VIEW, schema=message.schema))
    query = funnel(message).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    match dialect.name:
        case "sqlite":
            return [f"DROP VIEW IF EXISTS {view}", f"CREATE VIEW {view} AS {query}"]
        case "mssql":
            return [f"CREATE OR ALTER VIEW {view} AS {query}"]
        case _:
            return [f"CREATE OR REPLACE VIEW {view} AS {query}"]


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return _sum(sa.case((condition, 1), else_=0))


def _sum(number: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    # A sum is a decimal on some engines, and has 128 bits on others.
    return sa.cast(sa.func.sum(number), sa.BigInteger)
