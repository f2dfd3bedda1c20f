"""Values that Python cannot hold neither fail a query that does not use them, nor are sent as something else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.hooks.sql import stream_columns, streaming_cursor
from airflow_provider_rcs.hooks.sql_values import value_reader
from airflow_provider_rcs.recipients.cells import UnreadableCell, read_text_column

STRANGE = [
    "'infinity'::date",
    "'-infinity'::timestamp",
    "'infinity'::timestamptz",
    "'0044-03-15 BC'::date",
    "'20000-01-01'::date",
    "'20000-01-01'::timestamptz",
    "'24:00:00'::time",
    "'178000000 years'::interval",
]
STRANGE_CONTAINERS = [
    "array['infinity'::date]",
    "array['20000-01-01'::timestamptz]",
    "daterange('2026-01-01', '20000-01-01')",
    "tstzrange('2026-01-01', 'infinity')",
    f"""'{{"n": {"1" * 5_000}}}'::json""",
]


def one_row(sql: str) -> Any:
    [chunk] = stream_columns("sql", "warehouse", sql)
    return chunk


def text_of(sql: str) -> tuple[str, str]:
    """Return the text of the column ``x`` of a query's only row, and why the row is rejected."""
    [text], refused = read_text_column(one_row(sql)["x"])
    return text, refused.get(0, "")


@pytest.mark.parametrize("value", [*STRANGE, *STRANGE_CONTAINERS])
def test_a_value_of_postgresql_that_is_not_used_does_not_fail_the_list(
    postgres_warehouse: Callable[..., None], value: str
) -> None:
    assert one_row(f"SELECT '34600000001' AS phone, {value} AS unused")["phone"] == ["34600000001"]


@pytest.mark.parametrize("value", STRANGE)
def test_a_used_value_of_postgresql_that_python_cannot_hold_rejects_its_row(
    postgres_warehouse: Callable[..., None], value: str
) -> None:
    assert text_of(f"SELECT {value} AS x") == ("", "Python cannot represent its value")


@pytest.mark.parametrize("value", STRANGE_CONTAINERS)
def test_a_used_container_of_postgresql_rejects_its_row(postgres_warehouse: Callable[..., None], value: str) -> None:
    text, refused = text_of(f"SELECT {value} AS x")

    assert text == ""
    assert refused


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("'2026-05-01'::date", date(2026, 5, 1)),
        ("'9999-12-31'::date", date(9999, 12, 31)),
        ("'09:30'::time", time(9, 30)),
        ("'2026-05-01 09:30'::timestamp", datetime(2026, 5, 1, 9, 30)),  # noqa: DTZ001
        ("'26 hours'::interval", timedelta(hours=26)),
        ("NULL::date", None),
        ("NULL::json", None),
        ("""'{"ñ": 1}'::jsonb""", {"ñ": 1}),
        ("array['2026-05-01'::date]", None),
    ],
)
def test_other_values_of_postgresql_are_those_of_its_driver(
    postgres_warehouse: Callable[..., None], value: str, read: object
) -> None:
    [cell] = one_row(f"SELECT {value} AS x")["x"]

    assert cell == read or (isinstance(cell, list) and not read)


def test_a_timestamp_of_postgresql_keeps_its_offset(postgres_warehouse: Callable[..., None]) -> None:
    text, _ = text_of("SELECT '2026-05-01 09:30+02'::timestamptz AS x")

    assert datetime.fromisoformat(text) == datetime.fromisoformat("2026-05-01 09:30+02:00")


def test_a_real_of_postgresql_is_a_float_of_32_bits(postgres_warehouse: Callable[..., None]) -> None:
    chunk = one_row("SELECT 19.9::real AS x, NULL::real AS none, 19.9::float8 AS double, 19.90::numeric AS exact")

    assert [(type(cells[0]), read_text_column(cells)[0]) for cells in chunk.values()][:1] == [(np.float32, ["19.9"])]
    assert [read_text_column(cells)[0][0] for cells in chunk.values()] == ["19.9", "", "19.9", "19.90"]


def test_a_text_of_sqlite_that_is_not_utf_8_rejects_its_row_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/w.db"}))
    with closing(sqlite3.connect(tmp_path / "w.db")) as connection:
        connection.execute("CREATE TABLE customer AS SELECT 'Íñigo' AS x UNION ALL SELECT CAST(x'c16e61' AS TEXT)")
        connection.commit()

    chunk = one_row("SELECT x, 1 AS phone FROM customer ORDER BY rowid")

    assert chunk["phone"] == [1, 1]
    assert read_text_column(chunk["x"]) == (["Íñigo", ""], {1: "it has a control character"})


@pytest.fixture
def duckdb_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "duckdb", "host": f"{tmp_path}/w.db"}))


@pytest.mark.usefixtures("duckdb_warehouse")
@pytest.mark.parametrize(
    "value", ["'20000-01-01'::DATE", "'0044-03-15 (BC)'::DATE", "'infinity'::TIMESTAMP", "'24:00:00'::TIME"]
)
def test_a_used_value_of_duckdb_that_python_cannot_hold_rejects_its_row(value: str) -> None:
    assert text_of(f"SELECT {value} AS x") == ("", "Python cannot represent its value")


@pytest.mark.usefixtures("duckdb_warehouse")
def test_a_float_of_duckdb_is_one_of_32_bits() -> None:
    assert text_of("SELECT 19.9::FLOAT AS x") == ("19.9", "")


@pytest.fixture
def mysql_cells(mariadb: str) -> Iterator[Callable[[str], list[object]]]:
    """Return the values of a query's only row on MariaDB, read as from Airflow's hook, which is not installed."""
    engine = sa.create_engine(mariadb)
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection

    def cells(sql: str) -> list[object]:
        with closing(streaming_cursor(connection)) as cursor:
            cursor.execute("SET sql_mode = ''")
            cursor.execute(sql)
            [row] = cursor.fetchall()
            readers = [value_reader(connection, cursor, column[1]) for column in cursor.description]
        return [read(cell) if read else cell for cell, read in zip(row, readers, strict=True)]

    yield cells
    pooled.invalidate()
    engine.dispose()


def test_dates_of_mariadb_that_are_none_are_unreadable_and_others_are_read(mysql_cells: Any) -> None:
    zero, half, usual, long, number = mysql_cells(
        "SELECT CAST('0000-00-00' AS DATE), CAST('2026-00-00' AS DATETIME), CAST('2026-05-01' AS DATE), "
        "CAST('838:59:59' AS TIME), '0000-00-00'"
    )

    assert (zero, half) == (UnreadableCell(), UnreadableCell())
    assert (usual, long, number) == (date(2026, 5, 1), timedelta(hours=838, minutes=59, seconds=59), "0000-00-00")


def test_a_float_of_mariadb_is_one_of_32_bits(mysql_cells: Any) -> None:
    [price] = mysql_cells("SELECT CAST(19.9 AS FLOAT)")

    assert (type(price), read_text_column([price])[0]) == (np.float32, ["19.9"])
