"""Engines and transactions of the store, with durable commits, also behind a pooler that shares connections.

On PostgreSQL, all that a transaction relies on is set in it, and no statement stays prepared: behind a pooler, the next
transaction may run in another session, which others use too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.api.errors import RcsRefusedDataError, RcsStoreError, RcsStoreUnavailable

if TYPE_CHECKING:
    from airflow_provider_rcs.store.db.login import Login

SUPPORTED_DIALECTS = ("sqlite", "postgresql")
SUPPORTED_DRIVERS = ("psycopg", "psycopg2")
INSTALL_DRIVER = "Install it with: pip install 'airflow-provider-rcs[postgres]'"

_SQLITE_BUSY_TIMEOUT_SECONDS = 60

# A connection that was used a moment ago is not tried out before it is used again: that takes a round trip each time.
_SECONDS_OF_REST = 0.1

_READS_ONLY = "rcs_reads_only"
_BY_ITSELF = "rcs_by_itself"
_FIRST = "rcs_first"
_RESTS_SINCE = "rcs_rests_since"
_LOGIN = "rcs_login"
_CONN_ID = "rcs_conn_id"

# The default of a server, a database or a role may be stricter. A transaction that has waited for a lock would then not
# see what was committed meanwhile: two claims would each send the last message that a frequency cap allows.
_ISOLATION = "ISOLATION LEVEL READ COMMITTED"

# Where a database or a role sets another encoding, the driver cannot send some reports, however often they are tried.
_UNICODE = "utf8"

# Servers that are tuned for speed have it off: they confirm commits that a crash undoes.
_DURABLE = "SET LOCAL synchronous_commit = on"

# What is streamed is read to its end. PostgreSQL expects a tenth of it to be read, and would take a plan that begins
# sooner, but may compare each row with all others: a refold of 3,000 messages took 10 s, and 0.15 with this.
_READ_WHOLE = "SET LOCAL cursor_tuple_fraction = 1"

# States of SQL. Of PostgreSQL's limits, this is the one that data can exceed: an index row that is too large.
_PROGRAM_LIMIT_EXCEEDED = "54000"
_NOT_NULL_VIOLATION = "23502"

_ALL_IN_USE = "the database responds too slowly: all of this process's connections to it stayed in use. Retry later."

_CLASSES_OF_DRIVERS = (
    "DataError",
    "IntegrityError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "InterfaceError",
    "DatabaseError",
    "Error",
)


def engine_from_url(url: str | sa.URL, login: Login | None = None, poolclass: type[sa.Pool] | None = None) -> sa.Engine:
    """Return an engine of the store for a SQLAlchemy URL.

    :param login: says what connections are opened with; by default the URL does.
    :param poolclass: a pool other than SQLAlchemy's default.
    :raises RcsStoreError: if the URL is malformed, or its database or driver is not supported or not installed.
    """
    try:
        engine = prepare_engine(sa.create_engine(_with_driver(url), poolclass=poolclass), login)
    except ModuleNotFoundError as error:
        _require_supported(sa.make_url(url).get_backend_name())
        raise RcsStoreError(f"store: its driver {error.name} is not installed. {INSTALL_DRIVER}") from None
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise RcsStoreError(
            f"store: its URL cannot be used ({type(error).__name__}). "
            "Use sqlite:////absolute/path.db or postgresql+psycopg://user:password@host/database."
        ) from None
    if engine.dialect.name == "postgresql":
        _try_connections_out(engine)
    return engine


def installed_driver() -> str | None:
    """Return the newest driver for PostgreSQL that is installed."""
    return next((name for name in SUPPORTED_DRIVERS if find_spec(name)), None)


def _require_supported(database: str) -> None:
    if database not in SUPPORTED_DIALECTS:
        raise RcsStoreError(
            f"store: it runs on {' and '.join(SUPPORTED_DIALECTS)}, not on {database}. "
            "Point the store's connection at one of them; the warehouse can be any database."
        )


def _with_driver(url: str | sa.URL) -> sa.URL:
    """Return a URL with the driver to use, if it is one of PostgreSQL that names none."""
    parsed = sa.make_url(url)
    if parsed.drivername not in ("postgres", "postgresql"):
        return parsed
    driver = installed_driver()
    if driver is None:
        raise RcsStoreError(f"store: PostgreSQL needs a driver, and none is installed. {INSTALL_DRIVER}")
    return parsed.set(drivername=f"postgresql+{driver}")


def prepare_engine(engine: sa.Engine, login: Login | None = None) -> sa.Engine:
    """Set an engine up for the store: durable commits, errors without parameters, one writer at a time on SQLite.

    :param login: says what connections are opened with; by default the engine's URL does.
    :raises RcsStoreError: if its database or driver is not supported.
    """
    _require_supported(engine.dialect.name)
    engine.hide_parameters = True
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if engine.dialect.driver not in SUPPORTED_DRIVERS:
        raise RcsStoreError(
            f"store: its driver is {engine.dialect.driver}, which may leave prepared statements in sessions that a "
            f"pooler shares. Use one of {', '.join(f'postgresql+{name}' for name in SUPPORTED_DRIVERS)}."
        )
    engine.update_execution_options(**{_LOGIN: login})
    leave_nothing_prepared(engine)
    event.listen(engine, "do_connect", _connect_to_postgresql(login))
    event.listen(engine, "begin", _begin_psycopg if engine.dialect.driver == "psycopg" else _begin_psycopg2)
    if engine.dialect.driver == "psycopg":
        event.listen(engine, "connect", _have_iso_dates)
    return engine


def leave_nothing_prepared(engine: sa.Engine) -> None:
    """Keep the engine's driver from preparing statements on PostgreSQL: behind a pooler, others share the session."""
    if engine.dialect.driver == "psycopg" and not event.contains(engine, "do_connect", _leave_nothing_prepared):
        event.listen(engine, "do_connect", _leave_nothing_prepared)


def durable_by_itself(dialect: str = "postgresql") -> sa.ColumnElement[bool]:
    """Return a condition that always holds, and makes the commit of its statement durable.

    For a statement that commits by itself: its subquery runs once, before the first row, in the same round trip.

    :param dialect: name of the dialect; a commit on SQLite is durable anyway.
    """
    if dialect != "postgresql":
        return sa.true()
    return sa.literal_column("(SELECT set_config('synchronous_commit', 'on', true))") == sa.literal_column("'on'")


def connect_arguments(dialect: sa.Dialect, url: sa.URL) -> dict[str, Any]:
    """Return the arguments with which a driver of PostgreSQL opens a connection for a URL."""
    return {**dialect.create_connect_args(url)[1], "client_encoding": _UNICODE}


def login_of(engine: sa.Engine) -> Login | None:
    """Return what says how the engine's connections are opened; ``None`` if only its URL does."""
    login: Login | None = engine.get_execution_options().get(_LOGIN)
    return login


def name_connection(engine: sa.Engine, conn_id: str) -> None:
    """Have errors of the engine's transactions name the Airflow connection that it was made from."""
    engine.update_execution_options(**{_CONN_ID: conn_id})


def naming_connection(engine: sa.Engine, error: RcsStoreError) -> RcsStoreError:
    """Add the Airflow connection of an engine to an error, if it is known, and return the error."""
    if conn_id := engine.get_execution_options().get(_CONN_ID):
        error.add_note(f"(connection: {conn_id})")
    return error


@contextmanager
def transaction(engine: sa.Engine, *first: str) -> Iterator[sa.Connection]:
    """Run a block in one transaction that may write; roll it back if the block raises.

    :param first: statements without parameters and results that run first; with psycopg, they take no round trip of
        their own.
    :raises RcsStoreUnavailable: if the database cannot be reached or fails.
    :raises RcsRefusedDataError: if the database refuses the data of a statement.
    :raises RcsStoreError: if the database refuses a statement for another reason.
    """
    with _errors_translated(engine), _begun(engine, {_FIRST: first}) as connection:
        yield connection


@contextmanager
def writing_once(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block of one statement that commits by itself, which takes one round trip on PostgreSQL.

    The statement must contain :func:`durable_by_itself`.

    :raises RcsStoreUnavailable: if the database cannot be reached or fails.
    :raises RcsRefusedDataError: if the database refuses the data of the statement.
    :raises RcsStoreError: if the database refuses the statement for another reason.
    """
    with _errors_translated(engine), _begun(engine, {_BY_ITSELF: True}) as connection:
        yield connection


@contextmanager
def reading_once(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block whose statements only read, each by itself, which takes one round trip for each on PostgreSQL.

    No statement may be streamed: a cursor needs a transaction, see :func:`reading`.

    :raises RcsStoreUnavailable: if the database cannot be reached or fails.
    :raises RcsStoreError: if the database refuses a statement.
    """
    with _errors_translated(engine), _begun(engine, {_BY_ITSELF: True, _READS_ONLY: True}) as connection:
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block in one transaction that only reads, and does not block writers.

    :raises RcsStoreUnavailable: if the database cannot be reached or fails.
    :raises RcsStoreError: if the database refuses a statement.
    """
    with _errors_translated(engine), _begun(engine, {_READS_ONLY: True}) as connection:
        yield connection


@contextmanager
def _begun(engine: sa.Engine, options: dict[str, Any]) -> Iterator[sa.Connection]:
    with engine.connect() as plain:
        connection = plain.execution_options(**options)
        with connection.begin():
            yield connection


@contextmanager
def _errors_translated(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    # The driver's message and SQLAlchemy's parameters can contain phones, so only the class names are shown.
    except sa.exc.DBAPIError as error:
        raise naming_connection(engine, _translated(type(error).__name__, error.orig)) from None
    except sa.exc.TimeoutError:
        raise naming_connection(engine, RcsStoreUnavailable(_ALL_IN_USE)) from None
    # From a driver's own cursor, which COPY takes.
    except engine.dialect.loaded_dbapi.Error as error:
        raise naming_connection(engine, _translated(_class_of_drivers(error), error)) from None


def _class_of_drivers(error: BaseException) -> str:
    """Return which of the errors that all drivers have this is one of."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _CLASSES_OF_DRIVERS)


def _translated(kind: str, error: BaseException | None) -> RcsStoreError:
    kinds = f"({kind}, {type(error).__name__})"
    committed = "What was committed is safe; see the database's own log"
    if _is_about_data(kind, error):
        return RcsRefusedDataError(f"the database refused the data {kinds}. {committed}.")
    if kind in ("OperationalError", "InterfaceError", "InternalError"):
        return RcsStoreUnavailable(f"the database failed {kinds}. {committed}, then retry.")
    return RcsStoreError(f"the database refused {kinds}. {committed}.")


def _is_about_data(kind: str, error: BaseException | None) -> bool:
    """Return whether other data might have been accepted, rather than that the database is not as it should be."""
    name = getattr(error, "sqlite_errorname", "")
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if kind == "IntegrityError":
        # A column that must not be null and gets no value is one that the statement does not know.
        return not (state == _NOT_NULL_VIOLATION or name == "SQLITE_CONSTRAINT_NOTNULL")
    return kind == "DataError" or state == _PROGRAM_LIMIT_EXCEEDED


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
        for statement in options.get(_FIRST, ()):
            connection.exec_driver_sql(statement)


def _leave_nothing_prepared(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
    parameters["prepare_threshold"] = None


def _connect_to_postgresql(login: Login | None) -> Callable[..., Any]:
    """Return a listener that opens a connection with the current login."""

    def connect(dialect: sa.Dialect, _record: object, arguments: Any, parameters: dict[str, Any]) -> Any:
        if dialect.driver == "psycopg":
            # Transactions are begun below, in the round trip that also makes them durable.
            parameters["autocommit"] = True
        if login is None:
            parameters["client_encoding"] = _UNICODE
            return None  # SQLAlchemy connects.
        url = login.url()
        parameters.update(connect_arguments(dialect, url))
        try:
            return dialect.connect(*arguments, **parameters)
        except dialect.loaded_dbapi.OperationalError:
            # Whatever the reason: drivers do not say whether it was the password, in words that can be relied on.
            newer = login.url_after(url)
            if newer is None:
                raise
        parameters.update(connect_arguments(dialect, newer))
        return dialect.connect(*arguments, **parameters)

    return connect


def _have_iso_dates(dbapi_connection: Any, _record: object) -> None:
    """Set the style of dates that psycopg reads, where the server has another one; psycopg2 does so by itself."""
    style = dbapi_connection.info.parameter_status("DateStyle")
    if style and not style.startswith("ISO"):
        dbapi_connection.execute("SET DateStyle TO 'ISO'")


def _begin_psycopg(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT" and not options.get(_BY_ITSELF, False):
        # One message, hence one round trip, as the BEGIN alone would take.
        connection.exec_driver_sql("; ".join((f"BEGIN {_ISOLATION}", *_first(options))))


def _begin_psycopg2(connection: sa.Connection) -> None:
    # This driver sends a BEGIN of its own before the first statement, so these take a round trip.
    options = connection.get_execution_options()
    is_by_itself = options.get("isolation_level") == "AUTOCOMMIT" or options.get(_BY_ITSELF, False)
    if not is_by_itself:
        connection.exec_driver_sql("; ".join((f"SET TRANSACTION {_ISOLATION}", *_first(options))))


def _first(options: Mapping[str, Any]) -> tuple[str, ...]:
    of_writers = () if options.get(_READS_ONLY, False) else (_DURABLE, *options.get(_FIRST, ()))
    return (_READ_WHOLE, *of_writers)


def _try_connections_out(engine: sa.Engine) -> None:
    """Replace connections of the pool that have died, when they are used again after a rest."""

    def rest(_connection: object, record: Any) -> None:
        record.info[_RESTS_SINCE] = time.monotonic()

    def try_out(dbapi_connection: Any, record: Any, _proxy: object) -> None:
        rested = time.monotonic() - record.info.get(_RESTS_SINCE, time.monotonic())
        if rested < _SECONDS_OF_REST:
            return
        try:
            engine.dialect.do_ping(dbapi_connection)
        except engine.dialect.loaded_dbapi.Error:
            # The pool then connects anew, here and for its other connections.
            raise sa.exc.InvalidatePoolError from None

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", try_out)
