"""Upsert many rows at once, with each engine's own statement.

A row never replaces a newer one, so that overlapping loads leave the newest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.warehouse.merging import upsert_by_merge

Row = Mapping[str, Any]

# Each cell is a parameter there, and a statement is limited to 16 MB.
_MYSQL_ROWS_PER_STATEMENT = 500


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows; a row whose ``id`` exists replaces the existing one unless that one is newer.

    :param table: the table; its ``info["version"]`` names the column that shows which row is newer.
    :param rows: the rows, with all columns of the table; no id twice.
    """
    if not rows:
        return
    match connection.dialect.name:
        case "postgresql" | "sqlite":
            _upsert_row_set(connection, table, rows)
        case "duckdb":
            _upsert_on_duckdb(connection, table, rows)
        case "mysql" | "mariadb":
            _upsert_on_mysql(connection, table, rows)
        case _:
            upsert_by_merge(connection, table, rows)


def on_duplicate_key(table: sa.Table, rows: Sequence[Row]) -> sa.Insert:
    """Return the statement that upserts rows on MySQL and MariaDB."""
    statement = mysql.insert(table).values(list(rows))
    version = table.info["version"]
    is_newer = statement.inserted[version] >= table.c[version]
    # MySQL assigns columns in order, so the version comes last: the other columns' conditions compare it.
    names = sorted(_changed(table), key=lambda name: name == version)
    return statement.on_duplicate_key_update(
        [(name, sa.func.if_(is_newer, statement.inserted[name], table.c[name])) for name in names]
    )


def _upsert_row_set(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    dialect = connection.dialect.name
    names = _names(table)
    columns = column_types(table, names)
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    # With a WHERE, because SQLite would parse ON CONFLICT as the condition of a join.
    statement = insert.from_select(names, sa.select(*rows_from_json(dialect, columns).c).where(sa.true()))
    cells = [[row[name] for name in names] for row in rows]
    connection.execute(_on_conflict(statement, table), rows_as_json(dialect, columns, cells))


def _upsert_on_duckdb(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    names = _names(table)
    # One statement per row takes a hundred times as long on DuckDB.
    structure = json.dumps([{name: table.c[name].type.compile(connection.dialect) for name in names}])
    row = f"unnest(from_json(CAST(:row_set AS JSON), '{structure}'), recursive := true)"
    rows_from_json = sa.text(f"SELECT {row}").columns(*(sa.column(name) for name in names)).subquery()
    statement = postgresql.insert(table).from_select(names, sa.select(*rows_from_json.c))
    content = orjson.dumps([{name: row[name] for name in names} for row in rows]).decode()
    connection.execute(_on_conflict(statement, table), {"row_set": content})


def _upsert_on_mysql(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    remaining = iter(rows)
    while batch := list(islice(remaining, _MYSQL_ROWS_PER_STATEMENT)):
        connection.execute(on_duplicate_key(table, batch))


def _on_conflict(statement: Any, table: sa.Table) -> Any:
    version = table.info["version"]
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={name: statement.excluded[name] for name in _changed(table)},
        where=statement.excluded[version] >= table.c[version],
    )


def _names(table: sa.Table) -> list[str]:
    # SQLAlchemy's names are a subclass of str, which orjson does not accept as keys.
    return [str(column.name) for column in table.columns]


def _changed(table: sa.Table) -> list[str]:
    return [str(column.name) for column in table.columns if not column.primary_key]
