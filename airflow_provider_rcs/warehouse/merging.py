"""Upserts by MERGE: rows are inserted into a staging table and merged from there in one statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.upserts import changed_columns

_OTHER_UPSERTS = ("postgresql", "sqlite", "duckdb", "mysql", "mariadb", "snowflake", "bigquery")


def needs_staging(dialect: str) -> bool:
    """Return whether upserts on this dialect use staging tables."""
    return dialect not in _OTHER_UPSERTS


def staging_table(table: sa.Table) -> sa.Table:
    """Return the staging table of a table; all loads share it, so that no load creates or drops tables."""
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    return sa.Table(
        f"{table.name}_staging",
        sa.MetaData(schema=table.schema),
        sa.Column("load_id", sa.String(32), nullable=False, comment="the load that inserted the row and deletes it"),
        *columns,
    )


def write(warehouse: sa.Engine, page: Page, parts: Iterator[list[dict[str, Any]]]) -> int:
    """Write a page, read as rows of values, into a table whose staging table exists; return the number of its rows."""
    table = page.table
    staging = staging_table(table)
    load_id = uuid4().hex
    count = 0
    with warehouse_transaction(warehouse, Rights.STAGE, table) as connection:
        for rows in parts:
            connection.execute(staging.insert(), [{**row, "load_id": load_id} for row in rows])
            count += len(rows)
        connection.execute(
            merge(table, rows_of_load(table, connection.dialect), connection.dialect), {"load_id": load_id}
        )
        connection.execute(staging.delete().where(staging.c.load_id == load_id))
        page.finish(connection)
    return count


def rows_of_load(table: sa.Table, dialect: sa.Dialect) -> str:
    """Return the query of a load's rows in the staging table of a table."""
    quoted = dialect.identifier_preparer
    names = ", ".join(quoted.quote(column.name) for column in table.columns)
    return f"(SELECT {names} FROM {quoted.format_table(staging_table(table))} WHERE load_id = :load_id)"


def merge(table: sa.Table, source: str, dialect: sa.Dialect) -> sa.TextClause:
    """Return the statement that merges rows into a table.

    :param source: the table that has the rows, as SQL writes its name, or a query in parentheses.
    """
    quoted = dialect.identifier_preparer
    names = [quoted.quote(column.name) for column in table.columns]
    version = quoted.quote(table.info["version"])
    is_same = " AND ".join(f"t.{name} = s.{name}" for name in map(quoted.quote, table.primary_key.columns.keys()))
    changes = ", ".join(f"{name} = s.{name}" for name in map(quoted.quote, changed_columns(table)))
    # SQL Server requires the semicolon; the others accept it.
    return sa.text(
        f"MERGE INTO {quoted.format_table(table)} AS t USING {source} AS s ON {is_same} "
        f"WHEN MATCHED AND s.{version} >= t.{version} THEN UPDATE SET {changes} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({', '.join(f's.{name}' for name in names)});"
    )
