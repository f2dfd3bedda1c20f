"""Engines of the store: how SQLite and PostgreSQL are spoken to so that a commit is one, and writers take turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.store.db.nonblocking import NonblockingStatement

SUPPORTED_DIALECTS = ("sqlite", "postgresql")


_SECONDS_TO_WAIT_FOR_A_WRITER = 60


_READS_ONLY = "rcs_reads_only"


def engine_from_url(url: str) -> sa.Engine:
    """Return an engine of the store from a SQLAlchemy URL.

    :raises RcsStoreError: if the URL cannot be read, or is of a database that the store does not run on.
    """
    try:
        return prepare_engine(sa.create_engine(url, pool_pre_ping=True))
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise RcsStoreError(
            f"store: its URL cannot be used ({type(error).__name__}). "
            "Use sqlite:////absolute/path.db or postgresql+psycopg://user:password@host/database."
        ) from None


def prepare_engine(engine: sa.Engine) -> sa.Engine:
    """Make an engine fit for the store: durable commits, and transactions that take turns.

    :raises RcsStoreError: if it is of a database that the store does not run on.
    """
    if engine.dialect.name not in SUPPORTED_DIALECTS:
        raise RcsStoreError(
            f"store: it runs on {' and '.join(SUPPORTED_DIALECTS)}, not on {engine.dialect.name}. "
            "Point the store's connection at one of them; the warehouse can be anything."
        )
    engine.hide_parameters = True
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block in one transaction that may write, with the database's failures told as ours.

    :raises RcsStoreUnavailable: if the database cannot be reached or refuses; the transaction is rolled back.
    """
    with _errors_translated(), engine.begin() as connection:
        yield connection


class DedicatedConnection:
    """A connection for one thread and single statements, each of which the database commits by itself.

    It is kept: to ask a pool for one, and that one whether it is alive, takes longer than a small statement does. So
    does SQLAlchemy's way from a statement to its text, and a text is kept too.

    :param engine: of the store.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._kept: sa.Connection | None = None
        self._texts: dict[sa.ClauseElement, tuple[str, Sequence[str]]] = {}

    def execute(self, statement: sa.ClauseElement, parameters: Mapping[str, str]) -> None:
        """Run a statement; twice, if the connection broke since the last one, or while it ran.

        :raises RcsStoreUnavailable: if the database cannot be reached or refuses.
        """
        with _errors_translated():
            was_kept = self._kept is not None
            try:
                self._run(statement, parameters)
            except sa.exc.DBAPIError as error:
                self.close()
                if not (was_kept and error.connection_invalidated):
                    raise
                self._run(statement, parameters)

    def nonblocking(self, statement: sa.ClauseElement) -> NonblockingStatement | None:
        """Return a statement that goes over this connection in an event loop, while nothing else does.

        :return: ``None`` where the driver cannot do that.
        """
        connection = self._kept.connection.driver_connection if self._kept is not None else None
        if connection is None or self._engine.dialect.driver != "psycopg":
            return None
        dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
        prepared = NonblockingStatement(connection, str(statement.compile(dialect=dialect)))
        return prepared if prepared.is_prepared else None

    def close(self) -> None:
        """Give the connection back; the next statement asks for another one."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _run(self, statement: sa.ClauseElement, parameters: Mapping[str, str]) -> None:
        if statement not in self._texts:
            compiled = statement.compile(dialect=self._engine.dialect)
            self._texts[statement] = str(compiled), getattr(compiled, "positiontup", None) or ()
        text, in_order = self._texts[statement]
        self._connected().exec_driver_sql(text, tuple(map(parameters.__getitem__, in_order)) or dict(parameters))

    def _connected(self) -> sa.Connection:
        if self._kept is None:
            self._kept = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._kept


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block that only reads, and holds up nobody who writes.

    :raises RcsStoreUnavailable: if the database cannot be reached or refuses.
    """
    with _errors_translated(), engine.connect() as plain:
        connection = plain.execution_options(**{_READS_ONLY: True})
        with connection.begin():
            yield connection


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    # The driver's text and SQLAlchemy's parameters can hold phones: only the kinds of both are told.
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError) as error:
        raise RcsStoreUnavailable(
            f"the database failed ({type(error).__name__}, {type(error.orig).__name__}). "
            "What was committed is safe; see the database's own log, then retry."
        ) from None
    except sa.exc.DBAPIError as error:
        raise RcsStoreError(
            f"the database refused ({type(error).__name__}, {type(error.orig).__name__}). "
            "What was committed is safe; see the database's own log."
        ) from None


def _configure_sqlite(dbapi_connection: Any, _record: object) -> None:
    # The driver's own BEGIN would come at the first write only, after reads that a second writer has made stale.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_SECONDS_TO_WAIT_FOR_A_WRITER * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # Whoever may write waits here for its turn; a transaction that only found out later would fail instead.
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN" if options.get(_READS_ONLY, False) else "BEGIN IMMEDIATE")
