"""The database's own clock, because leases are compared by processes on several machines."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import UtcDateTime


def database_now(connection: sa.Connection) -> datetime:
    """Return the moment that the database says it is, in UTC.

    SQLite has no server, so its clock is that of this machine, on which all its users are.
    """
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(sa.select(sql_now(connection))).scalar_one()
    return moment.astimezone(UTC)


def sql_now(connection: sa.Connection) -> sa.ColumnElement[datetime]:
    """Return the same moment for a statement that compares with it, without a trip to the database of its own."""
    if connection.dialect.name == "sqlite":
        return sa.literal(datetime.now(UTC), UtcDateTime())
    # Not now(): that is the start of the transaction, which may have waited for a lock since.
    return sa.func.clock_timestamp(type_=UtcDateTime())
