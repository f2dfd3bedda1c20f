"""MERGE: rows go to a staging table, and from it, in one statement, to their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

_HAVE_OTHER_MEANS = ("postgresql", "sqlite", "duckdb", "mysql", "mariadb")


def needs_staging(dialect: str) -> bool:
    """Whether rows come to tables of this dialect through staging tables."""
    return dialect not in _HAVE_OTHER_MEANS


def staging_table(table: sa.Table) -> sa.Table:
    """Return the table in which a table's rows wait: one for all loads, so that none makes or drops tables."""
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    return sa.Table(
        f"{table.name}_staging",
        sa.MetaData(schema=table.schema),
        sa.Column("load_id", sa.String(32), nullable=False, comment="whose rows they are; emptied by whom it is"),
        *columns,
    )


def upsert_by_merge(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; one whose ``id`` is there already replaces that row, unless that one is newer.

    :param table: its staging table must be there.
    """
    staging = staging_table(table)
    load_id = uuid4().hex
    connection.execute(staging.insert(), [{**row, "load_id": load_id} for row in rows])
    connection.execute(merge(table, connection.dialect), {"load_id": load_id})
    connection.execute(staging.delete().where(staging.c.load_id == load_id))


def merge(table: sa.Table, dialect: sa.Dialect) -> sa.TextClause:
    """Return the statement that brings a load's rows from the staging table to their table."""
    quoted = dialect.identifier_preparer
    names = [quoted.quote(column.name) for column in table.columns]
    version = quoted.quote(table.info["version"])
    changes = ", ".join(f"{name} = s.{name}" for name in names if name != "id")
    # SQL Server wants the semicolon; the others let it be.
    return sa.text(
        f"MERGE INTO {quoted.format_table(table)} AS t "
        f"USING (SELECT {', '.join(names)} FROM {quoted.format_table(staging_table(table))} "
        "WHERE load_id = :load_id) AS s ON t.id = s.id "
        f"WHEN MATCHED AND s.{version} >= t.{version} THEN UPDATE SET {changes} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({', '.join(f's.{name}' for name in names)});"
    )
