"""The comments of tables, views and columns, in the engines that have them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.warehouse.load import load
from airflow_provider_rcs.warehouse.schema import VIEWS
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.warehouse.test_load import rows

TABLES = warehouse_tables(None).metadata.tables
COMMENTS = {name: {column.name: column.comment for column in table.columns} for name, table in TABLES.items()}


def comments(warehouse: sa.Engine, name: str) -> dict[str, Any]:
    """Return the comments of a table's or a view's columns."""
    match warehouse.dialect.name:
        case "postgresql":
            of_column = "col_description(attrelid, attnum) FROM pg_attribute"
            query = f"SELECT attname, {of_column} WHERE attrelid = '{name}'::regclass AND attnum > 0"
        case "duckdb":
            query = f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{name}'"
        case _:
            of_table = f"table_name = '{name}' AND table_schema = DATABASE()"
            query = f"SELECT column_name, column_comment FROM information_schema.columns WHERE {of_table}"
    return dict(rows(warehouse, query))


def test_every_column_of_the_tables_has_its_comment(store: sa.Engine, warehouse: sa.Engine) -> None:
    load(store, warehouse, None)

    assert {name: comments(warehouse, name) for name in TABLES} == COMMENTS


def test_every_column_of_the_views_has_its_comment(store: sa.Engine, warehouse: sa.Engine) -> None:
    if warehouse.dialect.name in ("mysql", "mariadb"):
        pytest.skip("MySQL has no comments on views")
    load(store, warehouse, None)

    assert {view.name: comments(warehouse, view.name) for view in VIEWS} == {
        view.name: dict(view.columns) for view in VIEWS
    }


def test_a_column_that_is_added_later_has_its_comment(store: sa.Engine, warehouse: sa.Engine) -> None:
    with warehouse.begin() as connection:
        key = "store VARCHAR(32), id BIGINT, campaign VARCHAR(9), revision BIGINT, PRIMARY KEY (store, id)"
        connection.exec_driver_sql(f"CREATE TABLE rcs_message ({key})")

    load(store, warehouse, None)

    there_before = ("store", "id", "campaign", "revision")
    expected = {name: text for name, text in COMMENTS["rcs_message"].items() if name not in there_before}
    assert {name: comments(warehouse, "rcs_message")[name] for name in expected} == expected
