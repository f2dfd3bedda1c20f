"""Values that database drivers convert to Python while rows are fetched: as text at first, and converted when used.

A driver fails the whole query for one value that Python cannot hold, such as the date ``infinity`` of PostgreSQL, even
in a column that nobody reads. Other drivers return a value that looks like another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import Any

from airflow_provider_rcs.recipients.cells import UnreadableCell

# Types of PostgreSQL, by their numbers, of which some values have no counterpart in Python.
_JSON = (114, 3802)
_DATES = (1082, 1083, 1114, 1184, 1186, 1266)
_ARRAYS_OF_DATES = (1115, 1182, 1183, 1185, 1187, 1270)
_RANGES_OF_DATES = (3908, 3910, 3912, 3909, 3911, 3913)
_KEPT_AS_TEXT = (*_DATES, *_JSON, *_ARRAYS_OF_DATES, *_RANGES_OF_DATES)
_TIMES = (1083, 1266)
_INTERVAL = 1186
_POSTGRESQL_REAL = 700

# Types of MySQL.
_MYSQL_FLOAT = 4
_MYSQL_DATES = (7, 10, 11, 12, 14)

_INFINITY = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))

ValueReader = Callable[[Any], object]


def keep_as_text(connection: Any, cursor: Any) -> None:
    """Have a driver return values as text that it may be unable to convert; called before the query is run.

    :param connection: an open DB-API connection.
    :param cursor: the cursor that will run the query.
    """
    match driver_of(connection):
        case "psycopg":
            text_loader = import_module("psycopg.types.string").TextLoader
            for number in _KEPT_AS_TEXT:
                cursor.adapters.register_loader(number, text_loader)
        case "psycopg2":
            extensions = import_module("psycopg2.extensions")
            unchanged = extensions.new_type(_KEPT_AS_TEXT, "RCS_TEXT", lambda text, _: text)
            extensions.register_type(unchanged, cursor)
        case "sqlite3":
            # Its error would quote the text. A surrogate character in a cell that is used rejects the row.
            connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")


def value_reader(connection: Any, cursor: Any, type_code: Any) -> ValueReader | None:
    """Return what converts the fetched values of a column, or ``None`` if they are Python values already.

    :param type_code: the column's type, as the cursor describes it.
    """
    match driver_of(connection):
        case "psycopg" if type_code in _KEPT_AS_TEXT:
            return partial(_load, _psycopg_loader(connection, type_code))
        case "psycopg2" if type_code in _KEPT_AS_TEXT:
            cast = import_module("psycopg2.extensions").string_types[type_code]
            # It would return midnight at the end of the day as midnight at its start, and infinite dates as Python's
            # last one, which would be sent as if they were meant.
            refused = re.compile("^24:" if type_code in _TIMES else "infinity")
            return partial(_cast, cast, cursor, refused)
        case "psycopg" | "psycopg2" if type_code == _POSTGRESQL_REAL:
            return _float32
        case "pymysql" | "MySQLdb" if type_code == _MYSQL_FLOAT:
            return _float32
        case "pymysql" | "MySQLdb" if type_code in _MYSQL_DATES:
            return _refuse_text
        case "duckdb" | "_duckdb" if str(type_code) == "FLOAT":
            return _float32
        case "duckdb" | "_duckdb" if str(type_code).startswith(("DATE", "TIME")):
            return _refuse_text
    return None


def driver_of(connection: Any) -> str:
    """Return the name of the library that made a connection."""
    return type(connection).__module__.partition(".")[0]


def _psycopg_loader(connection: Any, type_code: int) -> Any:
    if type_code == _INTERVAL:
        # The one in C wraps around where years do not fit into an integer.
        loader = import_module("psycopg.types.datetime").IntervalLoader
    else:
        loader = connection.adapters.get_loader(type_code, import_module("psycopg.pq").Format.TEXT)
    return loader(type_code, connection)


def _load(loader: Any, text: str | bytes | None) -> object:
    if text is None:
        return None
    try:
        return loader.load(text.encode() if isinstance(text, str) else text)
    except (ArithmeticError, ValueError, import_module("psycopg").Error):
        return UnreadableCell()


def _cast(cast: Callable[[str, Any], object], cursor: Any, refused: re.Pattern[str], text: str | None) -> object:
    if text is None:
        return None
    if refused.search(text):
        return UnreadableCell()
    try:
        return cast(text, cursor)
    except (ArithmeticError, ValueError, import_module("psycopg2").Error):
        return UnreadableCell()


def _float32(value: Any) -> object:
    import numpy as np

    return value if value is None else np.float32(value)


def _refuse_text(value: object) -> object:
    """Return a date or a time, unless the driver returned one as text, or as Python's last moment for infinity."""
    is_infinite = isinstance(value, datetime) and value.replace(tzinfo=UTC) in _INFINITY
    return UnreadableCell() if isinstance(value, str) or is_infinite else value
