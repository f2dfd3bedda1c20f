"""Cursors that leave the rows on the server: each driver has its own way to ask for one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_CURSOR_NAME = "rcs_recipients"


def streaming_cursor(connection: Any) -> Any:
    """Open a cursor that brings its rows as they are fetched, as tuples.

    The plain cursors of psycopg, psycopg2 and mysqlclient load the whole result into the client's memory first. Other
    drivers bring rows as they are asked for, or by pages of their own, and get a plain cursor.

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
