"""Statements for many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import repeat
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from airflow_provider_rcs.store.db.types import in_utc

ColumnTypes = Mapping[str, sa.types.TypeEngine[Any]]

_PARAMETER = "json_rows"


def rows_from_json(dialect: str, columns: ColumnTypes) -> sa.FromClause:
    """Return the rows of a JSON parameter as a table to select from.

    The statement is built once for each dialect, and run with the parameter from :func:`rows_as_json`.

    :param dialect: name of the dialect that the statement is for.
    :param columns: name -> type, in the order of the cells in each row.
    """
    return _postgresql_rows(columns) if dialect == "postgresql" else _sqlite_rows(columns)


def rows_as_json(dialect: str, columns: ColumnTypes, rows: Sequence[Sequence[object]]) -> dict[str, str]:
    """Return rows as the JSON parameter of a statement.

    :param rows: cells that JSON can hold, dates, aware datetimes, and any content of a JSON column.
    """
    if dialect == "postgresql":
        content = orjson.dumps(list(map(dict, map(zip, repeat(tuple(columns)), rows))))
    else:
        content = orjson.dumps(rows, default=_as_sqlite_text, option=orjson.OPT_PASSTHROUGH_DATETIME)
    return {_PARAMETER: content.decode()}


def column_types(table: sa.Table, names: Sequence[str]) -> ColumnTypes:
    """Return the types of the named columns of a table."""
    return {name: table.c[name].type for name in names}


def insert_or_ignore(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> None:
    """Insert rows, skipping those whose key exists.

    :param key: columns of a unique constraint.
    """
    if rows:
        statement = dialect_insert(connection, table).on_conflict_do_nothing(index_elements=key)
        connection.execute(statement, list(rows))


def insert_or_update(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    changes: Callable[[Any], Mapping[str, Any]],
) -> None:
    """Insert rows, updating those whose key exists.

    :param rows: rows with all their columns; each key at most once.
    :param key: columns of a unique constraint.
    :param changes: takes the columns of the row to insert (``excluded``) and returns column -> new value.
    """
    if rows:
        statement = dialect_insert(connection, table)
        statement = statement.on_conflict_do_update(index_elements=key, set_=dict(changes(statement.excluded)))
        connection.execute(statement, list(rows))


def upsert_from_rows(
    dialect: str,
    table: sa.Table,
    values: Mapping[str, sa.ColumnElement[Any]],
    key: Sequence[str],
    changes: Callable[[Any], Mapping[str, Any]],
) -> sa.Insert:
    """Return a statement like that of :func:`insert_or_update` for rows that are selected in the database.

    :param dialect: name of the dialect that the statement is for.
    :param values: column -> its value, as an expression over the selected rows.
    """
    # Without a WHERE, SQLite reads the ON of ON CONFLICT as the condition of a join.
    rows = sa.select(*values.values()).where(sa.true())
    statement = _insert(dialect, table).from_select(list(values), rows)
    upsert: sa.Insert = statement.on_conflict_do_update(index_elements=key, set_=dict(changes(statement.excluded)))
    return upsert


def dialect_insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an INSERT in the connection's dialect, which can be extended by ``on_conflict_do_...``."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: sa.Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def _postgresql_rows(columns: ColumnTypes) -> sa.FromClause:
    content = sa.cast(sa.bindparam(_PARAMETER, type_=sa.Text), postgresql.JSON)
    typed = [sa.column(name, kind) for name, kind in columns.items()]
    return sa.func.json_to_recordset(content).table_valued(*typed).render_derived(with_types=True)


def _sqlite_rows(columns: ColumnTypes) -> sa.FromClause:
    entry = sa.func.json_each(sa.bindparam(_PARAMETER, type_=sa.Text)).table_valued("value").c.value
    cells = [
        sa.func.json_extract(entry, sa.literal_column(f"'$[{index}]'"), type_=kind).label(name)
        for index, (name, kind) in enumerate(columns.items())
    ]
    return sa.select(*cells).subquery()


@lru_cache(maxsize=4096)  # Reports that arrive together share few dates; formatting one costs as much as all the rest.
def _as_sqlite_text(value: object) -> str:
    """Return a date or datetime in the format of SQLAlchemy's SQLite dialect, in which texts sort by time."""
    if not isinstance(value, date):
        raise TypeError(type(value).__name__)
    if not isinstance(value, datetime):
        return value.isoformat()
    return in_utc(value).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
