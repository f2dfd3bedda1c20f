"""DuckDB: each page is an Arrow table, which one statement upserts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.upserts import on_conflict

if TYPE_CHECKING:
    import pyarrow as pa


def write(warehouse: sa.Engine, page: Page, parts: Iterator[pa.Table]) -> int:
    """Write a page that was read as one Arrow table into a table of DuckDB, and return the number of its rows."""
    table = page.table
    arrived = sa.table(f"{table.name}_page", *map(sa.column, table.columns.keys()))
    rows = postgresql.insert(table).from_select(list(table.columns.keys()), sa.select(*arrived.c))
    with warehouse_transaction(warehouse, Rights.UPSERT, table) as connection:
        (found,) = parts
        connection.connection.register(arrived.name, found)
        connection.execute(on_conflict(rows, table))
        connection.connection.unregister(arrived.name)
        page.finish(connection)
    count: int = found.num_rows
    return count
