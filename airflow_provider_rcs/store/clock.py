"""The database's own clock, because leases are compared by processes on several machines."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa


def database_now(connection: sa.Connection) -> datetime:
    """Return the moment that the database says it is, in UTC.

    SQLite has no server, so its clock is that of this machine, on which all its users are.
    """
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    # Not now(): that is the start of the transaction, which may have waited for a lock since.
    moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)
