"""Statements by which a row never replaces a newer one, so that overlapping loads leave the newest."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def on_conflict(statement: Any, table: sa.Table) -> Any:
    """Return an INSERT of PostgreSQL, SQLite or DuckDB that replaces an existing row unless that one is newer.

    :param table: the table; its ``info["version"]`` names the column that shows which row is newer.
    """
    version = table.info["version"]
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns.keys()),
        set_={name: statement.excluded[name] for name in changed_columns(table)},
        where=statement.excluded[version] >= table.c[version],
    )


def changed_columns(table: sa.Table) -> list[str]:
    """Return the names of the columns that an update sets: all but those of the key."""
    return [column.name for column in table.columns if not column.primary_key]
