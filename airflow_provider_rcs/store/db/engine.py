"""Engines and transactions of the store, with durable commits and one writer at a time on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.api.errors import RcsRefusedDataError, RcsStoreError, RcsStoreUnavailable

SUPPORTED_DIALECTS = ("sqlite", "postgresql")

_SQLITE_BUSY_TIMEOUT_SECONDS = 60

_READS_ONLY = "rcs_reads_only"

# States of SQL. Of PostgreSQL's limits, this is the one that data can exceed: an index row that is too large.
_PROGRAM_LIMIT_EXCEEDED = "54000"
_NOT_NULL_VIOLATION = "23502"


def engine_from_url(url: str) -> sa.Engine:
    """Return an engine of the store for a SQLAlchemy URL.

    :raises RcsStoreError: if the URL is malformed, or its database is not supported.
    """
    try:
        return prepare_engine(sa.create_engine(url, pool_pre_ping=True))
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise RcsStoreError(
            f"store: its URL cannot be used ({type(error).__name__}). "
            "Use sqlite:////absolute/path.db or postgresql+psycopg://user:password@host/database."
        ) from None


def prepare_engine(engine: sa.Engine) -> sa.Engine:
    """Set an engine up for the store: durable commits, errors without parameters, one writer at a time on SQLite.

    :raises RcsStoreError: if its database is not supported.
    """
    if engine.dialect.name not in SUPPORTED_DIALECTS:
        raise RcsStoreError(
            f"store: it runs on {' and '.join(SUPPORTED_DIALECTS)}, not on {engine.dialect.name}. "
            "Point the store's connection at one of them; the warehouse can be any database."
        )
    engine.hide_parameters = True
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block in one transaction that may write; roll it back if the block raises.

    :raises RcsStoreUnavailable: if the database cannot be reached or fails.
    :raises RcsRefusedDataError: if the database refuses the data of a statement.
    :raises RcsStoreError: if the database refuses a statement for another reason.
    """
    with _errors_translated(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block in one transaction that only reads, and does not block writers.

    :raises RcsStoreUnavailable: if the database cannot be reached or fails.
    :raises RcsStoreError: if the database refuses a statement.
    """
    with _errors_translated(), engine.connect() as plain:
        connection = plain.execution_options(**{_READS_ONLY: True})
        with connection.begin():
            yield connection


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    # The driver's message and SQLAlchemy's parameters can contain phones, so only the class names are shown.
    except sa.exc.DBAPIError as error:
        raise _translated(error) from None


def _translated(error: sa.exc.DBAPIError) -> RcsStoreError:
    kinds = f"({type(error).__name__}, {type(error.orig).__name__})"
    committed = "What was committed is safe; see the database's own log"
    if _is_about_data(error):
        return RcsRefusedDataError(f"the database refused the data {kinds}. {committed}.")
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.InternalError):
        return RcsStoreUnavailable(f"the database failed {kinds}. {committed}, then retry.")
    return RcsStoreError(f"the database refused {kinds}. {committed}.")


def _is_about_data(error: sa.exc.DBAPIError) -> bool:
    """Return whether other data might have been accepted, rather than that the database is not as it should be."""
    name = getattr(error.orig, "sqlite_errorname", "")
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if isinstance(error, sa.exc.IntegrityError):
        # A column that must not be null and gets no value is one that the statement does not know.
        return not (state == _NOT_NULL_VIOLATION or name == "SQLITE_CONSTRAINT_NOTNULL")
    return isinstance(error, sa.exc.DataError) or state == _PROGRAM_LIMIT_EXCEEDED


def _configure_sqlite(dbapi_connection: Any, _record: object) -> None:
    # The driver would only begin at the first write, after reads that another writer may have made stale.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_SQLITE_BUSY_TIMEOUT_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer waits here for the lock. A transaction that asked for it after its first read would fail instead.
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN" if options.get(_READS_ONLY, False) else "BEGIN IMMEDIATE")
