"""The database's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.store.db.clock import database_now


def test_the_clock_is_aware_and_in_utc(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        now = database_now(connection)

    assert now.utcoffset() == timedelta(0)
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_clock_advances_within_a_transaction(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        before = database_now(connection)
        limit = time.monotonic() + 5
        while database_now(connection) <= before:
            assert time.monotonic() < limit
