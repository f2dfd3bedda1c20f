"""Errors of queries as the provider's own: one sentence without values, and whether trying again can help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_rcs.api.errors import RcsError, RcsInputError, RcsQueryError

_REMEDY = "Try it in the database's own client."

# Classes of SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html
_ABOUT_THE_QUERY = ("02", "07", "0A", "26", "28", "34", "3D", "3F", "42")
_ABOUT_A_VALUE = ("21", "22", "23", "2F", "38", "39", "44", "P0")
# Errors of MySQL that pymysql and mysqlclient raise as OperationalError, although they are about the query: privileges
# (1044, 1045, 1142, 1143, 1227, 1370) and missing databases, columns and functions (1049, 1054, 1305).
_MYSQL_ABOUT_THE_QUERY = (1044, 1045, 1049, 1054, 1142, 1143, 1227, 1305, 1370)
# Errors of Oracle, all of one class: the query's syntax and names (900 to 999), logins and privileges (1017, 1031).
_ORACLE_CODE = re.compile(r"ORA-0*(\d+)")
_ORACLE_ABOUT_THE_QUERY = (*range(900, 1000), 1017, 1031)
_SQLITE_ABOUT_THE_QUERY = ("SQLITE_ERROR", "SQLITE_AUTH", "SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_NOTADB")

# By name, because each driver has its own classes; those of PEP 249, then others.
_CLASSES_ABOUT_THE_QUERY = (
    "ProgrammingError",
    "NotSupportedError",
    "ImportError",
    "LookupError",
    "TypeError",
    "TrinoUserError",
    "BadRequest",
    "NotFound",
    "Forbidden",
)
_CLASSES_ABOUT_A_VALUE = ("DataError", "IntegrityError", "ArithmeticError", "UnicodeError", "ValueError")

# A quotation mark, and not the apostrophe of a word such as "doesn't".
_OPENING_QUOTE = re.compile("(?<!\\w)[\"'`\u201c\u2018\u00ab\u201e]")
# One that closes a quoted text which itself has a quotation mark in it.
_STRAY_QUOTE = re.compile("[\"'`\u201d\u2019\u00bb](?!\\w)")
_CLOSING_QUOTES = {"\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb", "\u201e": "\u201c"}
_MYSQL_PARTS = ("field list", "where clause", "on clause", "order clause", "group statement", "having clause")


@contextmanager
def query_errors(argument: str, sql: str | None = None) -> Iterator[None]:
    """Raise errors of a driver or of a hook as errors of the provider.

    :param argument: the operator's argument that holds the query.
    :param sql: the query; ``None`` where the connection to the database is made.
    :raises RcsInputError: if a retry cannot help: the query is wrong, a privilege is missing, or a value is unsuitable.
    :raises RcsQueryError: if a retry may help: the connection was lost or is not defined yet, a time limit passed, a
        lock was not granted.
    """
    try:
        yield
    except RcsError:
        raise
    except Exception as error:  # noqa: BLE001 - errors of drivers and of Airflow have no common class
        raise _as_own_error(argument, sql, error) from None


def _as_own_error(argument: str, sql: str | None, error: Exception) -> RcsError:
    original = getattr(error, "orig", None) or error  # that of SQLAlchemy holds the driver's
    if _is_about_a_value(original):
        # Its text would quote the value.
        kind = type(original).__name__
        return RcsInputError(argument, f"the query failed on a value ({kind})", _REMEDY)
    problem = f"the query failed: {_text_without_values(original, sql)}"
    if _is_about_the_query(original):
        return RcsInputError(argument, problem, _REMEDY)
    return RcsQueryError(f"{argument}: {problem}. {RcsQueryError.remedy}")


def _is_about_a_value(error: Exception) -> bool:
    if state := _sqlstate(error):
        return state.startswith(_ABOUT_A_VALUE)
    # Python's sqlite3 gives no code of SQLite with an error about a text that is not UTF-8, which quotes the text.
    is_about_text = _has_class(error, ("OperationalError",)) and type(error).__module__ == "sqlite3"
    return (is_about_text and not hasattr(error, "sqlite_errorname")) or _has_class(error, _CLASSES_ABOUT_A_VALUE)


def _is_about_the_query(error: Exception) -> bool:
    if state := _sqlstate(error):
        return state.startswith(_ABOUT_THE_QUERY)
    if name := getattr(error, "sqlite_errorname", None):
        return str(name).startswith(_SQLITE_ABOUT_THE_QUERY)
    if oracle := _ORACLE_CODE.search(str(error)):
        return int(oracle[1]) in _ORACLE_ABOUT_THE_QUERY
    code = error.args[0] if error.args else None
    return code in _MYSQL_ABOUT_THE_QUERY or _has_class(error, _CLASSES_ABOUT_THE_QUERY)


def _sqlstate(error: Exception) -> str:
    """Return the SQLSTATE of an error, or empty text; psycopg2 calls it ``pgcode``, and pyodbc gives it first."""
    first = error.args[0] if error.args else None
    for state in (getattr(error, "sqlstate", None), getattr(error, "pgcode", None), first):
        if isinstance(state, str) and re.fullmatch("[0-9A-Z]{5}", state) and any(map(str.isdigit, state)):
            return state
    return ""


def _has_class(error: Exception, names: tuple[str, ...]) -> bool:
    return any(base.__name__ in names for base in type(error).__mro__)


def _text_without_values(error: Exception, sql: str | None) -> str:
    """Return the first line of an error with digits masked, and without quoted texts that are not in the query.

    :param sql: the query; ``None`` if it was not run yet, so that nothing can quote a value.
    """
    from airflow_provider_rcs.hooks.airflow_errors import first_line_without_digits

    code_and_text = len(error.args) > 1 and isinstance(error.args[0], int) and isinstance(error.args[1], str)
    line = str(error.args[1] if code_and_text else error).partition("\n")[0]  # MySQL's drivers give both
    first_quote = _OPENING_QUOTE.search(line)
    if sql is not None and first_quote and not _quotes_only(line, sql):
        line = f"{line[: first_quote.start()]}..."
    return first_line_without_digits(line)


def _quotes_only(line: str, sql: str) -> bool:
    """Return whether each quoted text of a line is a name in the query, or a part of a query that MySQL names."""
    rest = line
    while opening := _OPENING_QUOTE.search(rest):
        closing = rest.find(_CLOSING_QUOTES.get(opening[0], opening[0]), opening.end())
        quoted = rest[opening.end() : max(closing, 0)]
        name = re.escape(quoted.rpartition(".")[2])
        is_in_query = bool(name) and re.search(rf"(?<!\w){name}(?!\w)", sql, re.IGNORECASE)
        before, rest = rest[: opening.start()], rest[closing + 1 :]
        if (
            closing < 0
            or not (is_in_query or quoted in _MYSQL_PARTS)
            or _STRAY_QUOTE.search(before)
            or rest[:1].isalnum()
        ):
            return False
    return not _STRAY_QUOTE.search(rest)
