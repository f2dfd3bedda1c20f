"""Upserts by MERGE: rows are inserted into a staging table and merged from there in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

_OTHER_UPSERTS = ("postgresql", "sqlite", "duckdb", "mysql", "mariadb")


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


def upsert_by_merge(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; a row whose ``id`` exists replaces the existing one unless that one is newer.

    :param table: the table; its staging table must exist.
    """
    staging = staging_table(table)
    load_id = uuid4().hex
    connection.execute(staging.insert(), [{**row, "load_id": load_id} for row in rows])
    connection.execute(merge(table, connection.dialect), {"load_id": load_id})
    connection.execute(staging.delete().where(staging.c.load_id == load_id))


def merge(table: sa.Table, dialect: sa.Dialect) -> sa.TextClause:
    """Return the statement that merges a load's rows from the staging table."""
    quoted = dialect.identifier_preparer
    names = [quoted.quote(column.name) for column in table.columns]
    version = quoted.quote(table.info["version"])
    changes = ", ".join(f"{name} = s.{name}" for name in names if name != "id")
    # SQL Server requires the semicolon; the others accept it.
    return sa.text(
        f"MERGE INTO {quoted.format_table(table)} AS t "
        f"USING (SELECT {', '.join(names)} FROM {quoted.format_table(staging_table(table))} "
        "WHERE load_id = :load_id) AS s ON t.id = s.id "
        f"WHEN MATCHED AND s.{version} >= t.{version} THEN UPDATE SET {changes} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({', '.join(f's.{name}' for name in names)});"
    )
