"""The file for dbt users, and the comments in the warehouse, describe every table, view and column alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.warehouse.schema import VIEWS
from airflow_provider_rcs.warehouse.tables import warehouse_tables

SOURCES = Path(__file__).parents[2] / "docs" / "dbt" / "rcs_sources.yml"
TABLES = warehouse_tables(None)
DIALECTS = ("postgresql", "sqlite", "duckdb", "mysql", "mariadb", "snowflake", "bigquery", "mssql")


def described_in_the_file() -> dict[str, dict[str, Any]]:
    (source,) = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return {table["name"]: table for table in source["tables"]}


def columns_in_the_file(table: str) -> list[tuple[str, str | None]]:
    return [(column["name"], column.get("description")) for column in described_in_the_file()[table]["columns"]]


def columns() -> list[tuple[str, str, sa.types.TypeEngine[Any]]]:
    """Return every column of the tables and views: its name, comment and type."""
    of_tables = [
        (f"{table.name}.{column.name}", str(column.comment or ""), column.type)
        for table in TABLES.metadata.tables.values()
        for column in table.columns
    ]
    of_views = [
        (f"{view.name}.{column.name}", view.columns[column.name], column.type)
        for view in VIEWS
        for column in view.query(TABLES, "postgresql").selected_columns
    ]
    return [*of_tables, *of_views]


def names_of(*types: type[sa.types.TypeEngine[Any]], without: str) -> list[str]:
    """Return the columns of some types whose comments do not contain a pattern."""
    return [name for name, comment, type_ in columns() if isinstance(type_, types) and not re.search(without, comment)]


def test_every_column_has_a_comment() -> None:
    assert [name for name, comment, _ in columns() if not comment] == []


def test_the_comment_of_every_moment_and_day_says_utc() -> None:
    assert names_of(sa.DateTime, sa.Date, without=r"\bUTC\b") == []


def test_the_comment_of_every_number_says_what_it_counts() -> None:
    assert names_of(sa.Integer, sa.Numeric, without=r"^(number|id|seconds)\b") == []


def test_a_date_as_received_says_its_zone() -> None:
    texts = {name: comment for name, comment, _ in columns() if name.endswith("_at_text")}

    assert texts
    assert [name for name, comment in texts.items() if "Spain's time" not in comment] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_view_has_the_columns_that_it_describes(dialect: str) -> None:
    for view in VIEWS:
        assert [each.name for each in view.query(TABLES, dialect).selected_columns] == list(view.columns)


def test_the_sources_file_describes_each_table_and_view_as_the_warehouse_does() -> None:
    described = {name: table["description"] for name, table in described_in_the_file().items()}

    tables = {name: table.comment for name, table in TABLES.metadata.tables.items()}
    assert described == {**tables, **{view.name: view.comment for view in VIEWS}}


@pytest.mark.slow
def test_it_names_and_describes_each_column_in_its_order() -> None:
    of_tables = {
        name: [(column.name, column.comment) for column in table.columns]
        for name, table in TABLES.metadata.tables.items()
    }
    of_views = {view.name: list(view.columns.items()) for view in VIEWS}

    assert {name: columns_in_the_file(name) for name in described_in_the_file()} == {**of_tables, **of_views}


def data_tests_of(table: str, column: str) -> list[Any]:
    (found,) = (each for each in described_in_the_file()[table]["columns"] if each["name"] == column)
    return list(found.get("data_tests", []))


@pytest.mark.slow
def test_it_tests_that_every_key_is_unique_and_not_null() -> None:
    for name, table in TABLES.metadata.tables.items():
        key = [column.name for column in table.primary_key]
        joined = ", '/', ".join(key)
        assert described_in_the_file()[name]["data_tests"] == [
            {"unique": {"arguments": {"column_name": f"concat({joined})"}}}
        ]
        assert [column for column in key if "not_null" not in data_tests_of(name, column)] == []


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("rcs_message", "state", [str(state) for state in MessageState]),
        ("rcs_message", "delivery_status", ["", *map(str, DeliveryStatus)]),
        ("rcs_message_channel", "status", [*map(str, DeliveryStatus)]),
        ("rcs_status_code", "status", [*map(str, DeliveryStatus)]),
    ],
)
def test_it_names_every_value_of_states_and_statuses(table: str, column: str, values: list[str]) -> None:
    assert {"accepted_values": {"arguments": {"values": values}}} in data_tests_of(table, column)
