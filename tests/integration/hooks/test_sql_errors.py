"""Errors of queries are one sentence without values, and are retried only if a retry can help."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsError, RcsInputError, RcsQueryError
from airflow_provider_rcs.hooks.sql import stream_columns
from airflow_provider_rcs.hooks.sql_errors import query_errors
from tests.integration.hooks.conftest import postgres_fields

SECRET = "Núria ://600000001"


def error_of(sql: str, argument: str = "sql") -> RcsError:
    with pytest.raises(RcsError) as raised:
        list(stream_columns(argument, "warehouse", sql))
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None
    return raised.value


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT phone FROM customers", 'relation "customers" does not exist'),
        ("SELECT phoone FROM pg_class", 'column "phoone" does not exist'),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT no_such_function('600000001')", "function no_such_function(unknown) does not exist"),
    ],
)
def test_a_wrong_query_of_postgresql_is_not_retried_and_names_what_is_wrong(
    postgres_warehouse: Callable[..., None], sql: str, problem: str
) -> None:
    error = error_of(sql)

    assert isinstance(error, RcsInputError)
    assert str(error) == f"sql: the query failed: {problem}. Try it in the database's own client."


def test_a_missing_privilege_of_postgresql_is_not_retried(
    postgres_warehouse: Callable[..., None], postgres: str
) -> None:
    engine = sa.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS rcs_nobody")
        connection.exec_driver_sql("CREATE ROLE rcs_nobody")
    engine.dispose()
    postgres_warehouse(options="-c role=rcs_nobody")

    error = error_of("SELECT rolpassword AS phone FROM pg_authid", "exclude_sql")

    assert isinstance(error, RcsInputError)
    assert str(error).startswith("exclude_sql: the query failed: permission denied for table pg_authid.")


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT '{SECRET}' || n AS phone, CAST('{SECRET}' || n AS int) FROM generate_series(1, 3) n",
        "SELECT 1 / (n - 2) AS phone FROM generate_series(1, 3) n",
    ],
)
def test_a_query_of_postgresql_that_fails_on_a_value_does_not_quote_it(
    postgres_warehouse: Callable[..., None], sql: str
) -> None:
    error = error_of(sql)

    assert isinstance(error, RcsInputError)
    assert str(error).startswith("sql: the query failed on a value (")
    assert not any(part in str(error) for part in ("Núria", "://", "600"))


def test_a_query_of_postgresql_that_takes_too_long_may_be_retried(postgres_warehouse: Callable[..., None]) -> None:
    postgres_warehouse(options="-c statement_timeout=200")

    error = error_of("SELECT pg_sleep(20) AS phone")

    assert isinstance(error, RcsQueryError)
    assert "canceling statement due to statement timeout" in str(error)


def test_a_server_of_postgresql_that_ends_the_connection_may_be_retried(
    postgres_warehouse: Callable[..., None], postgres: str
) -> None:
    chunks = stream_columns("sql", "warehouse", "SELECT pg_backend_pid() AS pid, n FROM generate_series(1, 90000) n")
    pid = next(iter(chunks))["pid"][0]
    with psycopg.connect(sa.make_url(postgres).set(drivername="postgresql").render_as_string(False)) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])

    with pytest.raises(RcsQueryError):
        list(chunks)


def test_a_server_of_postgresql_that_cannot_be_reached_may_be_retried(
    postgres_warehouse: Callable[..., None], monkeypatch: pytest.MonkeyPatch, postgres: str
) -> None:
    fields = {**postgres_fields(postgres), "host": "127.0.0.1", "port": 1}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))

    error = error_of("SELECT 1 AS phone")

    assert isinstance(error, RcsQueryError)
    assert "onnection refused" in str(error) or "failed" in str(error)


@pytest.mark.parametrize("sql", ["SELECT phone FROM customers", "SELEC 1", "SELECT phoone FROM (SELECT 1 AS phone)"])
def test_a_wrong_query_of_a_database_in_a_file_is_not_retried(file_warehouse: str, sql: str) -> None:
    error = error_of(sql)

    assert isinstance(error, RcsInputError)
    assert str(error).startswith("sql: the query failed: ")


def test_a_query_of_duckdb_that_fails_on_a_value_does_not_quote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "duckdb", "host": f"{tmp_path}/w.db"}))

    error = error_of(f"SELECT CAST(reverse('{SECRET}') AS INT) AS phone")

    assert isinstance(error, RcsInputError)
    assert "airú" not in str(error)


def test_a_connection_that_is_not_defined_may_be_defined_by_the_next_try() -> None:
    with pytest.raises(RcsQueryError, match="exclude_sql: the query failed: The conn_id `nowhere` isn't defined"):
        list(stream_columns("exclude_sql", "nowhere", "SELECT 1"))


@pytest.fixture
def mysql_error(mariadb: str) -> Iterator[Callable[[str], RcsError]]:
    engine = sa.create_engine(mariadb)
    pooled = engine.raw_connection()

    def run(sql: str) -> None:
        with query_errors("sql", sql), closing(pooled.cursor()) as cursor:
            cursor.execute(sql)
            cursor.fetchall()

    def error(sql: str) -> RcsError:
        with pytest.raises(RcsError) as raised:
            run(sql)
        return raised.value

    yield error
    pooled.invalidate()
    engine.dispose()


@pytest.mark.parametrize(
    ("sql", "kind", "problem"),
    [
        ("SELEC 1", RcsInputError, "You have an error in your SQL syntax"),
        ("SELECT phone FROM customers", RcsInputError, "Table 'mysql.customers' doesn't exist"),
        ("SELECT phone FROM customers.people", RcsInputError, "Table 'customers.people' doesn't exist"),
        ("SELECT phoone FROM seq_1_to_2", RcsInputError, "Unknown column 'phoone' in 'SELECT'"),
        ("SELECT no_such('600')", RcsInputError, "FUNCTION "),
        ("SET STATEMENT max_statement_time=0.1 FOR SELECT SLEEP(20)", RcsQueryError, "Query execution was interrupted"),
    ],
)
def test_queries_of_mariadb_are_retried_only_if_it_can_help(
    mysql_error: Any, sql: str, kind: type[RcsError], problem: str
) -> None:
    error = mysql_error(sql)

    assert isinstance(error, kind)
    assert str(error).startswith(f"sql: the query failed: {problem}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Unknown column 'phoone' in 'field list'", "Unknown column 'phoone' in 'field list'"),
        ("Could not convert 'Ana' to INT", "Could not convert ..."),
        ("Could not convert 'phoone's secret' to INT", "Could not convert ..."),
        ("Could not convert 'phoone' secret' to INT", "Could not convert ..."),
        ("Could not convert 'phoone and", "Could not convert ..."),
        ("Value \u00abAna\u00bb is wrong", "Value ..."),
        ("phone 600000001 is wrong\nin line 7", "phone ********* is wrong"),
    ],
)
def test_a_quoted_text_is_shown_only_if_it_is_a_name_in_the_query(text: str, shown: str) -> None:
    class ProgrammingError(Exception):
        pass

    with pytest.raises(RcsInputError) as raised, query_errors("sql", "SELECT phoone FROM t"):
        raise ProgrammingError(text)

    assert str(raised.value) == f"sql: the query failed: {shown}. Try it in the database's own client."


def test_a_deadlock_of_mysql_may_be_retried() -> None:
    with pytest.raises(RcsQueryError, match="Deadlock found"), query_errors("sql", "SELECT 1"):
        raise import_module("pymysql.err").OperationalError(1213, "Deadlock found when trying to get lock")
