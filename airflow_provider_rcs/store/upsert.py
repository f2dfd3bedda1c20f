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


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert in the connection's dialect, to be told what to do where a key is there already."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
