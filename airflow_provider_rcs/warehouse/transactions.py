"""Transactions of the warehouse, whose errors say what was refused, on which table, and which rights it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsWarehouseError, RcsWarehouseUnavailable

# Classes of SQLSTATE: connection, rollback of a transaction (such as a deadlock), resources, operator, system.
_STATES_THAT_PASS = ("08", "40", "53", "57", "58")
_LOCK_NOT_AVAILABLE = "55P03"

# MySQL's numbers of errors that pass: too many connections, shutdown, lock wait, deadlock, connection killed, not made,
# lost.
_MYSQL_NUMBERS_THAT_PASS = (1040, 1053, 1205, 1213, 1927, 2002, 2003, 2006, 2013)

_CLASSES_THAT_PASS = ("OperationalError", "InterfaceError", "InternalError")

_COPIED_COLUMN = re.compile(r"COPY \w+, line \d+, column (\w+):")


class Rights(StrEnum):
    """What a transaction does to a table, named as the rights that it takes."""

    READ = "SELECT"
    CREATE = "CREATE"
    EXTEND = "ALTER"
    UPSERT = "SELECT, INSERT and UPDATE"
    COPY = "TEMPORARY on the database, and SELECT, INSERT and UPDATE"
    STAGE = "SELECT, INSERT and DELETE on its staging table, and SELECT, INSERT and UPDATE"
    UPDATE = "SELECT and UPDATE"


@contextmanager
def warehouse_transaction(warehouse: sa.Engine, rights: Rights, table: sa.FromClause) -> Iterator[sa.Connection]:
    """Run a block in one transaction; roll it back if the block raises.

    :param rights: the rights on the table that the block takes, for the error.
    :param table: the table or view that the block is about, for the error.
    :raises RcsWarehouseUnavailable: if the database cannot be reached or fails.
    :raises RcsWarehouseError: if it refuses a statement.
    """
    try:
        with warehouse.begin() as connection:
            yield connection
    # A driver's message may quote a row: only what is certainly no cell is shown of it.
    except sa.exc.DBAPIError as error:
        raise _translated(error.orig, warehouse, rights, table) from None
    # From a driver's own cursor, which COPY takes.
    except warehouse.dialect.loaded_dbapi.Error as error:
        raise _translated(error, warehouse, rights, table) from None


def _translated(
    error: BaseException | None, warehouse: sa.Engine, rights: Rights, table: sa.FromClause
) -> RcsWarehouseError:
    where = f"warehouse: table {_name(table)} in database {warehouse.url.database or 'of the connection'}"
    cause = ", ".join(filter(None, (type(error).__name__, _code(error), _column(error))))
    if _passes(error):
        return RcsWarehouseUnavailable(f"{where}: the database failed ({cause}). {RcsWarehouseUnavailable.remedy}")
    return RcsWarehouseError(
        f"{where}: the database refused the statement ({cause}). It takes {rights} on it. {RcsWarehouseError.remedy}"
    )


def _passes(error: BaseException | None) -> bool:
    # Before the state: MySQL has one state for many errors, such as for a lock wait and for a wrong value.
    if number := _mysql_number(error):
        return number in _MYSQL_NUMBERS_THAT_PASS
    if state := _state(error):
        return state[:2] in _STATES_THAT_PASS or state == _LOCK_NOT_AVAILABLE
    # Drivers share the names of the classes, and no class.
    return any(kind.__name__ in _CLASSES_THAT_PASS for kind in type(error).__mro__)


def _code(error: BaseException | None) -> str:
    """Return the code by which the database's documentation explains the error; empty without one."""
    number = _mysql_number(error)
    return f"error {number}" if number else getattr(error, "sqlite_errorname", "") or _sqlstate_text(error)


def _sqlstate_text(error: BaseException | None) -> str:
    state = _state(error)
    return f"SQLSTATE {state}" if state else ""


def _state(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")


def _mysql_number(error: BaseException | None) -> int | None:
    arguments = getattr(error, "args", ())
    is_mysql = "mysql" in type(error).__module__.lower()
    return arguments[0] if is_mysql and arguments and isinstance(arguments[0], int) else None


def _column(error: BaseException | None) -> str:
    diagnosis = getattr(error, "diag", None)
    # COPY names the column in the context only, next to the cell.
    copied = _COPIED_COLUMN.match(getattr(diagnosis, "context", None) or "")
    column = getattr(diagnosis, "column_name", None) or (copied[1] if copied else None)
    return f"column {column}" if column else ""


def _name(table: sa.FromClause) -> str:
    return str(getattr(table, "fullname", None) or table)
