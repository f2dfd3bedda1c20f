"""Inserts that meet rows which are there already, in the dialects of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Excluded = sa.sql.ColumnCollection[str, sa.ColumnElement[Any]]


def insert_or_ignore(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> None:
    """Insert rows; one whose key is there already is left as it is."""
    if rows:
        statement = insert_into(connection, table).on_conflict_do_nothing(index_elements=key)
        connection.execute(statement, list(rows))


def insert_or_update(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    changes: Callable[[Any], Mapping[str, Any]],
) -> None:
    """Insert rows; one whose key is there already is changed instead.

    :param rows: the rows, with all their columns; no key twice.
    :param key: columns of a unique constraint.
    :param changes: given the columns of the row that could not be inserted, returns column -> its new value.
    """
    if rows:
        statement = insert_into(connection, table)
        statement = statement.on_conflict_do_update(index_elements=key, set_=dict(changes(statement.excluded)))
        connection.execute(statement, list(rows))


def insert_set_or_update(
    dialect: str,
    table: sa.Table,
    cells: Mapping[str, sa.ColumnElement[Any]],
    key: Sequence[str],
    changes: Callable[[Any], Mapping[str, Any]],
) -> sa.Insert:
    """Return a statement that does the same with the rows of a set in the database.

    :param dialect: name of the dialect that the statement is for.
    :param cells: column -> what is put into it, said in terms of the set.
    """
    # SQLite takes the ON of a conflict for the ON of a join where no WHERE stands between them.
    rows = sa.select(*cells.values()).where(sa.true())
    statement = _insert(dialect, table).from_select(list(cells), rows)
    conflict: sa.Insert = statement.on_conflict_do_update(index_elements=key, set_=dict(changes(statement.excluded)))
    return conflict


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert in the connection's dialect, to be told what to do where a key is there already."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: sa.Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
