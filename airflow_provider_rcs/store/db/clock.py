"""The database's clock, by which processes on several machines compare leases."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.store.db.types import UtcDateTime


def database_now(connection: sa.Connection) -> datetime:
    """Return the database's current time, in UTC.

    SQLite has no server: all its users are on this machine, so this machine's clock is its clock.
    """
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(sa.select(sql_now(connection))).scalar_one()
    return now.astimezone(UTC)


def sql_now(connection: sa.Connection) -> sa.ColumnElement[datetime]:
    """Return the database's current time as an expression, which saves a round trip."""
    if connection.dialect.name == "sqlite":
        return sa.literal(datetime.now(UTC), UtcDateTime())
    # Not now(), which is the start of the transaction: it may have waited for a lock since.
    return sa.func.clock_timestamp(type_=UtcDateTime())
