"""Upserts by MERGE from a staging table, run on PostgreSQL, which supports MERGE too."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.warehouse.merging import staging_table, upsert_by_merge
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.warehouse.test_upserts import created_tables, read, report_row


@pytest.fixture
def table(warehouse: sa.Engine) -> sa.Table:
    table = warehouse_tables(None).report
    created_tables(warehouse)
    staging_table(table).create(warehouse)
    return table


def merge_rows(warehouse: sa.Engine, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    with warehouse.begin() as connection:
        upsert_by_merge(connection, table, rows)


def test_a_row_replaces_the_existing_one_unless_that_one_is_newer(warehouse: sa.Engine, table: sa.Table) -> None:
    merge_rows(warehouse, table, [report_row(number, 5, service="there", extra={"a": 1}) for number in (1, 2, 3)])

    merge_rows(
        warehouse, table, [report_row(number, fold, service="new") for number, fold in enumerate((4, 5, 6, 1), 1)]
    )

    assert [(row["id"], row["fold"], row["service"], row["extra"]) for row in read(warehouse, table)] == [
        (1, 5, "there", {"a": 1}),
        (2, 5, "new", {}),
        (3, 6, "new", {}),
        (4, 1, "new", {}),
    ]


def test_a_merge_empties_the_staging_table_of_its_own_rows_only(warehouse: sa.Engine, table: sa.Table) -> None:
    staging = staging_table(table)
    with warehouse.begin() as connection:
        connection.execute(staging.insert(), [{**report_row(9, 1), "load_id": "another"}])

    merge_rows(warehouse, table, [report_row(1, 1)])

    assert [row["load_id"] for row in read(warehouse, staging)] == ["another"]
    assert [row["id"] for row in read(warehouse, table)] == [1]
