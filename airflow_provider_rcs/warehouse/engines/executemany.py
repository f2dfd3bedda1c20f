"""SQLite, MySQL and MariaDB: rows of texts that the store's database has written, upserted with ``executemany``.

The drivers of MySQL make statements of many rows of it, none of them larger than a packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.upserts import changed_columns, on_conflict


def write(warehouse: sa.Engine, page: Page, parts: Iterator[list[Any]]) -> int:
    """Write a page, read as rows of texts, into a table of the warehouse, and return the number of its rows."""
    upsert = _on_conflict if warehouse.dialect.name == "sqlite" else on_duplicate_key
    statement = upsert(page.table, warehouse.dialect)
    count = 0
    with warehouse_transaction(warehouse, Rights.UPSERT, page.table) as connection:
        for rows in parts:
            connection.exec_driver_sql(statement, rows)
            count += len(rows)
        page.finish(connection)
    return count


def _on_conflict(table: sa.Table, dialect: sa.Dialect) -> str:
    return str(on_conflict(sqlite.insert(table), table).compile(dialect=dialect))


def on_duplicate_key(table: sa.Table, dialect: sa.Dialect) -> str:
    """Return the statement that upserts a row on MySQL, in the form of which drivers make statements of many rows."""
    quote = dialect.identifier_preparer.quote
    version = quote(table.info["version"])
    # MySQL assigns columns in order, so the version comes last: the other columns' conditions compare it.
    changed = sorted(changed_columns(table), key=lambda name: name == table.info["version"])
    changes = (f"{name} = IF(VALUES({version}) >= {version}, VALUES({name}), {name})" for name in map(quote, changed))
    columns = ", ".join(map(quote, table.columns.keys()))
    cells = ", ".join(["%s"] * len(table.columns))
    return (
        f"INSERT INTO {dialect.identifier_preparer.format_table(table)} ({columns}) VALUES ({cells}) "
        f"ON DUPLICATE KEY UPDATE {', '.join(changes)}"
    )
