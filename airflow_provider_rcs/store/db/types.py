"""Types of the store's columns, which are the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC.

    :raises ValueError: if it has no time zone; that of the machine would be a guess.
    """
    if moment.tzinfo is None:
        raise ValueError("a datetime of the store has a time zone")
    return moment.astimezone(UTC)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A datetime that is always aware and in UTC, even on databases that store no time zone; others are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else in_utc(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite generates row ids only for a primary key of the type INTEGER.
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
