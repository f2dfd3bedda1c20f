"""Many rows in one statement: as one JSON parameter, or as an upsert."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import repeat
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from airflow_provider_rcs.api.json_rows import Pieces, array_of_rows

ColumnTypes = Mapping[str, sa.types.TypeEngine[Any]]


_PARAMETER = "row_set"


def rows_from_json(dialect: str, columns: ColumnTypes) -> sa.FromClause:
    """Return a set of rows to select from, for a statement that is built once and run with :func:`rows_as_json`.

    :param dialect: name of the dialect that the statement is for.
    :param columns: name -> type, in the order of each row's cells.
    """
    return _postgresql_rows(columns) if dialect == "postgresql" else _sqlite_rows(columns)


def rows_as_json(dialect: str, columns: ColumnTypes, rows: Sequence[Sequence[object]]) -> dict[str, str]:
    """Return the parameter that holds the rows.

    :param rows: cells that JSON knows, dates, aware datetimes, and whatever a JSON column holds.
    """
    if dialect == "postgresql":
        content = orjson.dumps(list(map(dict, map(zip, repeat(tuple(columns)), rows))))
    else:
        content = orjson.dumps(rows, default=_as_sqlite_stores_it, option=orjson.OPT_PASSTHROUGH_DATETIME)
    return {_PARAMETER: content.decode()}


def columns_as_json(dialect: str, columns: Mapping[str, Pieces], count: int) -> dict[str, str]:
    """Return the parameter that holds so many rows which are kept column by column.

    :param columns: name -> the pieces that write its cell of each row in JSON, in the order of the row set's columns.
    """
    is_named = dialect == "postgresql"
    row: list[str | Sequence[str]] = []
    for name, cell in columns.items():
        row += ["," if row else "", f'"{name}":' if is_named else "", *cell]
    begin, end = "{}" if is_named else "[]"
    return {_PARAMETER: array_of_rows([begin, *row, end], count)}


def column_types(table: sa.Table, names: Sequence[str]) -> ColumnTypes:
    """Return the types of some columns of a table, for rows that are to be put into it."""
    return {name: table.c[name].type for name in names}


def _postgresql_rows(columns: ColumnTypes) -> sa.FromClause:
    content = sa.cast(sa.bindparam(_PARAMETER, type_=sa.Text), postgresql.JSON)
    named = [sa.column(name, kind) for name, kind in columns.items()]
    return sa.func.json_to_recordset(content).table_valued(*named).render_derived(with_types=True)


def _sqlite_rows(columns: ColumnTypes) -> sa.FromClause:
    entry = sa.func.json_each(sa.bindparam(_PARAMETER, type_=sa.Text)).table_valued("value").c.value
    cells = [
        sa.func.json_extract(entry, sa.literal_column(f"'$[{place}]'"), type_=kind).label(name)
        for place, (name, kind) in enumerate(columns.items())
    ]
    return sa.select(*cells).subquery()


@lru_cache(maxsize=4096)  # Reports that come together have few dates, and to write one takes as long as all the rest.
def _as_sqlite_stores_it(value: object) -> str:
    """Write a moment as SQLAlchemy does, so that the texts compare with each other as the moments do."""
    if not isinstance(value, date):
        raise TypeError(type(value).__name__)
    if not isinstance(value, datetime):
        return value.isoformat()
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


Excluded = sa.sql.ColumnCollection[str, sa.ColumnElement[Any]]


def insert_or_ignore(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> None:
    """Insert rows; one whose key is there already is left as it is."""
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
    """Insert rows; one whose key is there already is changed instead.

    :param rows: the rows, with all their columns; no key twice.
    :param key: columns of a unique constraint.
    :param changes: given the columns of the row that could not be inserted, returns column -> its new value.
    """
    if rows:
        statement = dialect_insert(connection, table)
        statement = statement.on_conflict_do_update(index_elements=key, set_=dict(changes(statement.excluded)))
        connection.execute(statement, list(rows))


def upsert_from_rows(
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


def dialect_insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert in the connection's dialect, to be told what to do where a key is there already."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: sa.Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
