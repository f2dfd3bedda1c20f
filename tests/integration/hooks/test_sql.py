"""Queries streamed from real databases through Airflow's own hooks, and from MariaDB through its driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.sql import stream_columns, streaming_cursor
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK

MEGABYTE = 1024 * 1024
LONG = 5_000_000


def rss() -> int:
    return int(psutil.Process().memory_info().rss)


def stream(sql: str, parameters: Any = None) -> list[dict[str, list[object]]]:
    chunks = stream_columns("sql", "warehouse", sql, parameters)
    return [{name: list(cells) for name, cells in chunk.items()} for chunk in chunks]


def numbers(upto: int) -> str:
    """Return a query for the numbers from 1, which the database computes while it is read."""
    return f"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {upto}) SELECT n AS phone FROM t"


def test_rows_stay_in_postgresql_until_they_are_fetched(postgres_warehouse: Callable[..., None]) -> None:
    stream("SELECT 1 AS phone")
    before = rss()
    chunks = stream_columns("sql", "warehouse", f"SELECT generate_series(1, {LONG}) AS phone")

    first = next(chunks)
    grown = rss() - before
    chunks.close()  # type: ignore[attr-defined]

    assert list(first["phone"]) == list(range(1, ROWS_PER_CHUNK + 1))
    assert grown < 20 * MEGABYTE


def test_postgresql_yields_every_row_once_and_in_order(postgres_warehouse: Callable[..., None]) -> None:
    chunks = stream(
        f"SELECT n AS phone, n::text AS name FROM generate_series(1, {2 * ROWS_PER_CHUNK + 1}) n ORDER BY n"
    )

    assert [len(chunk["phone"]) for chunk in chunks] == [ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]
    assert [cell for chunk in chunks for cell in chunk["phone"]] == list(range(1, 2 * ROWS_PER_CHUNK + 2))


def test_postgresql_plans_a_query_for_all_of_its_rows(postgres_warehouse: Callable[..., None]) -> None:
    assert stream("SELECT current_setting('cursor_tuple_fraction') AS phone") == [{"phone": ["1"]}]


def test_postgresql_takes_parameters_in_the_style_of_its_driver(postgres_warehouse: Callable[..., None]) -> None:
    sql = "WITH people AS (SELECT '0034600000001' AS phone) SELECT phone FROM people WHERE phone LIKE %(start)s;"

    assert stream(sql, {"start": "0034%"}) == [{"phone": ["0034600000001"]}]
    assert stream(sql, {"start": "0035%"}) == []


def test_a_percent_sign_in_a_query_without_parameters_is_not_escaped(postgres_warehouse: Callable[..., None]) -> None:
    assert stream("SELECT 'x' AS phone WHERE 'abc' LIKE 'a%'") == [{"phone": ["x"]}]


def test_a_connection_with_dict_rows_yields_cells_not_column_names(postgres_warehouse: Callable[..., None]) -> None:
    postgres_warehouse(cursor="dictcursor")

    assert stream("SELECT '0034600000001' AS phone") == [{"phone": ["0034600000001"]}]


def test_two_columns_of_the_same_name_are_refused(postgres_warehouse: Callable[..., None]) -> None:
    with pytest.raises(RcsInputError, match="two columns have the same name"):
        stream("SELECT 1 AS phone, 2 AS phone")


@pytest.mark.parametrize("rows", [1, ROWS_PER_CHUNK, ROWS_PER_CHUNK + 1])
def test_a_database_in_a_file_yields_every_row_once_and_in_order(file_warehouse: str, rows: int) -> None:
    chunks = stream(numbers(rows))

    assert [cell for chunk in chunks for cell in chunk["phone"]] == list(range(1, rows + 1))


def test_rows_stay_in_a_database_in_a_file_until_they_are_fetched(file_warehouse: str) -> None:
    stream("SELECT 1 AS phone")
    before = rss()
    chunks = stream_columns("sql", "warehouse", numbers(LONG))

    first = next(chunks)
    grown = rss() - before
    chunks.close()  # type: ignore[attr-defined]

    assert list(first["phone"]) == list(range(1, ROWS_PER_CHUNK + 1))
    assert grown < 60 * MEGABYTE


def test_a_database_in_a_file_takes_parameters(file_warehouse: str) -> None:
    assert stream("SELECT '0034600000001' AS phone WHERE 3 > ?", [2]) == [{"phone": ["0034600000001"]}]


@pytest.fixture
def mysql_connection(mariadb: str) -> Iterator[Any]:
    """A connection of MySQL's driver to MariaDB, as Airflow's SQL hook returns it."""
    engine = sa.create_engine(mariadb)
    pooled = engine.raw_connection()
    yield pooled.driver_connection
    # Not returned to the pool, which would fetch the remaining rows.
    pooled.invalidate()
    engine.dispose()


def test_rows_stay_in_mariadb_until_they_are_fetched(mysql_connection: Any) -> None:
    before = rss()

    cursor = streaming_cursor(mysql_connection)
    cursor.execute("SELECT seq AS phone, REPEAT('x', 200) AS name FROM seq_1_to_200000")
    first = cursor.fetchmany(1_000)

    assert [column[0] for column in cursor.description] == ["phone", "name"]
    assert [phone for phone, _ in first] == list(range(1, 1_001))
    assert rss() - before < 20 * MEGABYTE


def test_mariadb_yields_every_row_once_and_takes_parameters_in_the_style_of_its_driver(mysql_connection: Any) -> None:
    cursor = streaming_cursor(mysql_connection)
    cursor.execute("SELECT seq FROM seq_1_to_5000 WHERE seq > %s ORDER BY seq", [2_000])

    rows = []
    while page := cursor.fetchmany(999):
        rows += page

    assert rows == [(number,) for number in range(2_001, 5_001)]
