from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from airflow_provider_rcs.warehouse.funnel_view import VIEW, funnel
from airflow_provider_rcs.warehouse.tables import warehouse_tables

SOURCES = Path(__file__).parents[2] / "docs" / "dbt" / "rcs_sources.yml"


def described_in_the_file() -> dict[str, dict[str, Any]]:
    (source,) = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return {table["name"]: table for table in source["tables"]}


def columns_in_the_file(table: str) -> list[tuple[str, str | None]]:
    return [(column["name"], column.get("description")) for column in described_in_the_file()[table]["columns"]]


def tables() -> dict[str, sa.Table]:
    return dict(warehouse_tables(None).metadata.tables)


def test_the_sources_file_names_the_tables_and_the_view() -> None:
    assert list(described_in_the_file()) == [*tables(), VIEW]


def test_it_describes_each_table_as_the_warehouse_does() -> None:
    described = {name: described_in_the_file()[name]["description"] for name in tables()}

    assert described == {name: table.comment for name, table in tables().items()}


def test_it_names_and_describes_each_column_of_the_tables_in_their_order() -> None:
    assert {name: columns_in_the_file(name) for name in tables()} == {
        name: [(column.name, column.comment) for column in table.columns] for name, table in tables().items()
    }


def test_it_names_the_columns_of_the_view() -> None:
    named = [name for name, _ in columns_in_the_file(VIEW)]

    assert named == [column.name for column in funnel(tables()["rcs_message"]).selected_columns]
