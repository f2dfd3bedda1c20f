"""A cursor of MySQL's driver leaves the rows on a real MariaDB until they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.hooks.sql import streaming_cursor

LONG = 200_000
MEGABYTE = 1024 * 1024


@pytest.fixture
def connection(mariadb: str) -> Iterator[Any]:
    """A connection of the driver itself, as a SQL hook of Airflow's returns it."""
    engine = sa.create_engine(mariadb)
    pooled = engine.raw_connection()
    yield pooled.driver_connection
    # Not given back: that would read the rows that are left.
    pooled.invalidate()
    engine.dispose()


def test_rows_stay_on_the_server_until_they_are_asked_for(connection: Any) -> None:
    before = psutil.Process().memory_info().rss

    cursor = streaming_cursor(connection)
    cursor.execute(f"SELECT seq AS phone, REPEAT('x', 200) AS name FROM seq_1_to_{LONG}")
    first = cursor.fetchmany(1_000)

    assert [column[0] for column in cursor.description] == ["phone", "name"]
    assert [phone for phone, _ in first] == list(range(1, 1_001))
    assert psutil.Process().memory_info().rss - before < 20 * MEGABYTE


def test_every_row_comes_once_and_in_order_with_parameters_in_the_drivers_style(connection: Any) -> None:
    cursor = streaming_cursor(connection)
    cursor.execute("SELECT seq FROM seq_1_to_5000 WHERE seq > %s ORDER BY seq", [2_000])

    rows = []
    while page := cursor.fetchmany(999):
        rows += page

    assert rows == [(number,) for number in range(2_001, 5_001)]
