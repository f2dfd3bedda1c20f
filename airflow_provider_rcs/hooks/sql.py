"""Rows of a query on any Airflow SQL connection, streamed as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.cursors import streaming_cursor
from airflow_provider_rcs.recipients.columns import ROWS_A_CHUNK, require_distinct


def stream_columns(
    argument: str, sql_conn_id: str, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None
) -> Iterator[dict[str, Sequence[object]]]:
    """Run a query, and return its rows as column -> cells, some rows at a time.

    :param argument: the argument that the query came in, for errors.
    :param sql_conn_id: the connection to query: any that has a SQL hook.
    :param parameters: values of the query's parameters, in the style of the database's driver.
    :raises RcsInputError: if the connection is not to a SQL database, the query returns no columns, or two of the same
        name.
    """
    hook = BaseHook.get_connection(sql_conn_id).get_hook()
    if not hasattr(hook, "get_records"):
        raise RcsInputError(
            f"{argument}_conn_id", f"the connection {sql_conn_id!r} is not one to a SQL database", "Name one that is."
        )
    with closing(hook.get_conn()) as connection, closing(streaming_cursor(connection)) as cursor:
        cursor.execute(*((sql, parameters) if parameters else (sql,)))
        if cursor.description is None and getattr(cursor, "name", None):
            # psycopg2 knows the columns of a cursor on the server only once it was asked for rows, be it for none.
            cursor.fetchmany(0)
        columns = [str(column[0]) for column in cursor.description or ()]
        if not columns:
            raise RcsInputError(argument, "the query returns no rows", "Give a SELECT.")
        require_distinct(argument, columns, "Give one of them an alias.")
        while rows := cursor.fetchmany(ROWS_A_CHUNK):
            yield dict(zip(columns, zip(*rows, strict=True), strict=True))


def stream_first_column(argument: str, sql_conn_id: str, sql: str) -> Iterator[Sequence[object]]:
    """Run a query as :func:`stream_columns` does, and return the cells of its first column, some rows at a time."""
    for columns in stream_columns(argument, sql_conn_id, sql):
        yield next(iter(columns.values()))
