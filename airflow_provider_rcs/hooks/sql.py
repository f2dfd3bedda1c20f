"""Stream the results of queries on any Airflow SQL connection, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from typing import Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.recipients.column_names import require_distinct_columns

_CURSOR_NAME = "rcs_recipients"


def stream_columns(
    argument: str, sql_conn_id: str, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None
) -> Iterator[dict[str, Sequence[object]]]:
    """Run a query, and yield its rows in chunks: column -> cells.

    :param argument: the operator's argument that holds the query, for errors.
    :param sql_conn_id: the connection to query; any with a SQL hook.
    :param parameters: values of the query's parameters, in the style of the database's driver.
    :raises RcsInputError: if the connection is not to a SQL database, or if the query returns no columns or two of the
        same name.
    """
    # Not at the top: importing Airflow takes seconds, and a cursor can be opened without it.
    from airflow.providers.common.compat.sdk import BaseHook

    hook = BaseHook.get_connection(sql_conn_id).get_hook()
    if not hasattr(hook, "get_records"):
        raise RcsInputError(
            f"{argument}_conn_id", f"the connection {sql_conn_id!r} is not to a SQL database", "Name one that is."
        )
    with closing(hook.get_conn()) as connection, closing(streaming_cursor(connection)) as cursor:
        cursor.execute(*((sql, parameters) if parameters else (sql,)))
        if cursor.description is None and getattr(cursor, "name", None):
            # psycopg2 knows the columns of a server-side cursor only after a fetch, for which zero rows are enough.
            cursor.fetchmany(0)
        columns = [str(column[0]) for column in cursor.description or ()]
        if not columns:
            raise RcsInputError(argument, "the query returns no rows", "Give a SELECT.")
        require_distinct_columns(argument, columns, "Give one of them an alias.")
        while rows := cursor.fetchmany(ROWS_PER_CHUNK):
            yield dict(zip(columns, zip(*rows, strict=True), strict=True))


def stream_first_column(argument: str, sql_conn_id: str, sql: str) -> Iterator[Sequence[object]]:
    """Like :func:`stream_columns`, but yield the cells of the first column only."""
    for columns in stream_columns(argument, sql_conn_id, sql):
        yield next(iter(columns.values()))


def streaming_cursor(connection: Any) -> Any:
    """Open a cursor that returns tuples and streams rows as they are fetched.

    The plain cursors of psycopg, psycopg2 and mysqlclient load the whole result into memory first, so these
    drivers get a server-side cursor. Other drivers stream by themselves and get a plain one.

    :param connection: an open DB-API connection, as a SQL hook's ``get_conn`` returns it.
    """
    driver = type(connection).__module__.partition(".")[0]
    match driver:
        case "psycopg":
            rows = import_module("psycopg.rows")
            return connection.cursor(_CURSOR_NAME, row_factory=rows.tuple_row)
        case "psycopg2":
            extensions = import_module("psycopg2.extensions")
            return connection.cursor(_CURSOR_NAME, cursor_factory=extensions.cursor)
        case "MySQLdb" | "pymysql":
            cursors = import_module(f"{driver}.cursors")
            return connection.cursor(cursors.SSCursor)
        case _:
            return connection.cursor()
