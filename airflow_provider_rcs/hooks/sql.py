"""Stream the results of queries on any Airflow SQL connection, some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from importlib import import_module
from typing import Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.sql_errors import query_errors
from airflow_provider_rcs.hooks.sql_values import ValueReader, driver_of, keep_as_text, value_reader
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK, Chunk, LazyChunk
from airflow_provider_rcs.recipients.column_names import require_distinct_columns

_CURSOR_NAME = "rcs_recipients"

# PostgreSQL plans a cursor for the first tenth of its rows, which may take far longer for all of them. From the view,
# because other databases with the same drivers do not know the setting.
_PLAN_FOR_ALL_ROWS = "SELECT set_config(name, '1', true) FROM pg_settings WHERE name = 'cursor_tuple_fraction'"


def stream_columns(
    argument: str,
    sql_conn_id: str,
    sql: str,
    parameters: Mapping[str, Any] | Sequence[Any] | None = None,
    require_columns: Callable[[Sequence[str]], None] | None = None,
) -> Iterator[Chunk]:
    """Run a query, and yield its rows in chunks, whose columns are converted to Python values when they are used.

    :param argument: the operator's argument that holds the query, for errors.
    :param sql_conn_id: the connection to query; any with a SQL hook.
    :param parameters: values of the query's parameters, in the style of the database's driver.
    :param require_columns: raises an error if the query has other columns than it should have, before rows are read.
    :raises RcsInputError: if the connection is not to a SQL database, if the query returns no columns or two of the
        same name, or if it fails for a reason that a retry cannot help.
    :raises RcsQueryError: if it fails for another reason.
    """
    connection = _connect(argument, sql_conn_id)
    with query_errors(argument, sql), closing(connection), closing(streaming_cursor(connection)) as cursor:
        keep_as_text(connection, cursor)
        cursor.execute(*((sql, parameters) if parameters else (sql,)))
        if cursor.description is None and getattr(cursor, "name", None):
            # psycopg2 knows the columns of a server-side cursor only after a fetch, for which zero rows are enough.
            cursor.fetchmany(0)
        described = cursor.description or ()
        columns = [str(column[0]) for column in described]
        if not columns:
            raise RcsInputError(argument, "the query returns no rows", "Give a SELECT.")
        if require_columns is not None:
            require_columns(columns)
        require_distinct_columns(argument, columns, "Give one of them an alias.")
        readers = [value_reader(connection, cursor, column[1]) for column in described]
        while rows := cursor.fetchmany(ROWS_PER_CHUNK):
            yield LazyChunk(columns, partial(_cells, rows, readers))


def _connect(argument: str, sql_conn_id: str) -> Any:
    # Not at the top: importing Airflow takes seconds, and a cursor can be opened without it.
    from airflow.providers.common.compat.sdk import BaseHook

    with query_errors(argument):
        hook = BaseHook.get_connection(sql_conn_id).get_hook()
        if not hasattr(hook, "get_records"):
            raise RcsInputError(
                "sql_conn_id" if argument == "sql" else "exclude_conn_id",
                f"the connection {sql_conn_id!r} is not to a SQL database",
                "Name one that is.",
            )
        return hook.get_conn()


def _cells(rows: Sequence[Sequence[Any]], readers: Sequence[ValueReader | None], position: int) -> Sequence[object]:
    cells = [row[position] for row in rows]
    read = readers[position]
    return list(map(read, cells)) if read else cells


def stream_only_column(argument: str, sql_conn_id: str, sql: str) -> Iterator[Sequence[object]]:
    """Like :func:`stream_columns`, but yield the cells of the only column.

    :raises RcsInputError: also if the query has more than one column.
    """
    require = partial(_require_one_column, argument)
    for columns in stream_columns(argument, sql_conn_id, sql, require_columns=require):
        yield next(iter(columns.values()))


def _require_one_column(argument: str, columns: Sequence[str]) -> None:
    if len(columns) > 1:
        raise RcsInputError(
            argument,
            f"the query has {len(columns)} columns ({', '.join(map(repr, columns))}), and it must have one",
            "Select the column of the phones only, without * and other columns.",
        )


def streaming_cursor(connection: Any) -> Any:
    """Open a cursor that returns tuples and streams rows as they are fetched.

    The plain cursors of psycopg, psycopg2 and mysqlclient load the whole result into memory first, so these
    drivers get a server-side cursor. Other drivers stream by themselves and get a plain one.

    :param connection: an open DB-API connection, as a SQL hook's ``get_conn`` returns it.
    """
    driver = driver_of(connection)
    match driver:
        case "psycopg":
            rows = import_module("psycopg.rows")
            _run(connection, _PLAN_FOR_ALL_ROWS)
            return connection.cursor(_CURSOR_NAME, row_factory=rows.tuple_row)
        case "psycopg2":
            extensions = import_module("psycopg2.extensions")
            _run(connection, _PLAN_FOR_ALL_ROWS)
            return connection.cursor(_CURSOR_NAME, cursor_factory=extensions.cursor)
        case "MySQLdb" | "pymysql":
            cursors = import_module(f"{driver}.cursors")
            return connection.cursor(cursors.SSCursor)
        case _:
            return connection.cursor()


def _run(connection: Any, statement: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)
