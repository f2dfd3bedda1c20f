"""Queries are streamed from real databases, through Airflow's own hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.sql import stream_columns
from airflow_provider_rcs.recipients.columns import ROWS_PER_CHUNK

MEGABYTE = 1024 * 1024
LONG = 5_000_000


def rss() -> int:
    return int(psutil.Process().memory_info().rss)


def stream(sql: str, parameters: Any = None) -> list[dict[str, list[object]]]:
    chunks = stream_columns("sql", "warehouse", sql, parameters)
    return [{name: list(cells) for name, cells in chunk.items()} for chunk in chunks]


def test_the_rows_of_postgresql_stay_there_until_they_are_asked_for(postgres_warehouse: Callable[..., None]) -> None:
    stream("SELECT 1 AS phone")
    before = rss()
    chunks = stream_columns("sql", "warehouse", f"SELECT generate_series(1, {LONG}) AS phone")

    first = next(chunks)
    grown = rss() - before
    chunks.close()  # type: ignore[attr-defined]

    assert list(first["phone"]) == list(range(1, ROWS_PER_CHUNK + 1))
    assert grown < 20 * MEGABYTE


def test_every_row_of_postgresql_comes_once_and_in_order(postgres_warehouse: Callable[..., None]) -> None:
    chunks = stream(
        f"SELECT n AS phone, n::text AS name FROM generate_series(1, {2 * ROWS_PER_CHUNK + 1}) n ORDER BY n"
    )

    assert [len(chunk["phone"]) for chunk in chunks] == [ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]
    assert [cell for chunk in chunks for cell in chunk["phone"]] == list(range(1, 2 * ROWS_PER_CHUNK + 2))


def test_parameters_go_to_postgresql_in_its_drivers_style(postgres_warehouse: Callable[..., None]) -> None:
    sql = "WITH people AS (SELECT '0034600000001' AS phone) SELECT phone FROM people WHERE phone LIKE %(start)s;"

    assert stream(sql, {"start": "0034%"}) == [{"phone": ["0034600000001"]}]
    assert stream(sql, {"start": "0035%"}) == []


def test_a_percent_sign_in_a_query_without_parameters_is_left_alone(postgres_warehouse: Callable[..., None]) -> None:
    assert stream("SELECT 'x' AS phone WHERE 'abc' LIKE 'a%'") == [{"phone": ["x"]}]


def test_a_connection_whose_rows_are_dicts_gives_cells_and_not_names(postgres_warehouse: Callable[..., None]) -> None:
    postgres_warehouse(cursor="dictcursor")

    assert stream("SELECT '0034600000001' AS phone") == [{"phone": ["0034600000001"]}]


def test_two_columns_of_one_name_are_refused_on_postgresql(postgres_warehouse: Callable[..., None]) -> None:
    with pytest.raises(RcsInputError, match="two columns have the same name"):
        stream("SELECT 1 AS phone, 2 AS phone")


@pytest.mark.parametrize("rows", [1, ROWS_PER_CHUNK, ROWS_PER_CHUNK + 1])
def test_every_row_of_a_database_in_a_file_comes_once_and_in_order(file_warehouse: str, rows: int) -> None:
    chunks = stream(numbers(rows))

    assert [cell for chunk in chunks for cell in chunk["phone"]] == list(range(1, rows + 1))


def test_the_rows_of_a_database_in_a_file_stay_there_until_they_are_asked_for(file_warehouse: str) -> None:
    stream("SELECT 1 AS phone")
    before = rss()
    chunks = stream_columns("sql", "warehouse", numbers(LONG))

    first = next(chunks)
    grown = rss() - before
    chunks.close()  # type: ignore[attr-defined]

    assert list(first["phone"]) == list(range(1, ROWS_PER_CHUNK + 1))
    assert grown < 60 * MEGABYTE


def test_parameters_go_to_a_database_in_a_file(file_warehouse: str) -> None:
    assert stream("SELECT '0034600000001' AS phone WHERE 3 > ?", [2]) == [{"phone": ["0034600000001"]}]


def numbers(upto: int) -> str:
    """A query of the numbers from 1 that is not worked out before it is read."""
    return f"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {upto}) SELECT n AS phone FROM t"
