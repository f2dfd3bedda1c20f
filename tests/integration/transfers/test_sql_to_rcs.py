"""Recipients of a query are read from every kind of warehouse."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import duckdb
import psycopg
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG, Context

from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from tests.integration.hooks.conftest import postgres_fields
from tests.sandbox_process import SandboxProcess

PEOPLE = [("0034600000001", "Ana", 1), ("+34 600 00 00 02", "Luis", 1), ("600000003", "Eva", 0), (None, "Nobody", 1)]


def fill(database: Any, placeholder: str) -> None:
    database.execute("CREATE TABLE customer (phone TEXT, first_name TEXT, consents INTEGER)")
    for person in PEOPLE:
        database.execute(f"INSERT INTO customer VALUES ({', '.join([placeholder] * 3)})", person)
    database.commit()
    database.close()


def sqlite_warehouse(path: Path, _: str) -> tuple[dict[str, Any], str]:
    fill(sqlite3.connect(path), "?")
    return {"conn_type": "sqlite", "host": str(path)}, "?"


def duckdb_warehouse(path: Path, _: str) -> tuple[dict[str, Any], str]:
    fill(duckdb.connect(path).begin(), "?")
    return {"conn_type": "duckdb", "host": str(path)}, "?"


def postgres_warehouse(_: Path, url: str) -> tuple[dict[str, Any], str]:
    fill(psycopg.connect(url.replace("+psycopg", "")), "%s")
    return postgres_fields(url), "%s"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("make", [sqlite_warehouse, duckdb_warehouse, postgres_warehouse])
def test_a_templated_sql_file_with_parameters_is_read_from_every_warehouse(
    sandbox: SandboxProcess,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    postgres_url: str,
    make: Callable[[Path, str], tuple[dict[str, Any], str]],
) -> None:
    fields, placeholder = make(tmp_path / "warehouse.db", postgres_url)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))
    sql = f"SELECT phone, first_name FROM {{{{ params.table }}}} WHERE consents = {placeholder} ORDER BY first_name"
    (tmp_path / "people.sql").write_text(sql)
    campaign = f"from {fields['conn_type']}"
    already = len(sandbox.accepted())

    with DAG("people", schedule=None, template_searchpath=str(tmp_path)):
        task = SqlToRcsOperator(
            task_id="send",
            sql="people.sql",
            parameters=[1],
            sql_conn_id="{{ params.warehouse }}",
            template_id="1234569",
            campaign=campaign,
            name_column="first_name",
            default_region="ES",
        )
    task.resolve_template_files()
    task.render_template_fields(cast("Context", {"params": {"table": "customer", "warehouse": "warehouse"}}))
    counts = task.execute(context)

    assert (counts["accepted"], counts["rejected"]) == (2, 1)
    assert {entry["phone"] for entry in sandbox.accepted()[already:]} == {"34600000001", "34600000002"}


def test_the_connection_to_the_warehouse_is_closed_after_the_list_is_read(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(postgres_fields(postgres_url)))
    operator = SqlToRcsOperator(task_id="send", sql="SELECT 1 AS phone", sql_conn_id="warehouse", template_id="1")

    list(operator.read_chunks())

    with sa.create_engine(postgres_url).connect() as connection:
        others = sa.text(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert connection.execute(others).scalar_one() == 0
