"""The store's Airflow connection as a SQLAlchemy engine."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, conf

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.get_provider_info import DEFAULT_STORE_CONN_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Connection

_DEFAULT_LEASE_SECONDS = 15


log = logging.getLogger(__name__)


def store_engine(store_conn_id: str | None = None) -> sa.Engine:
    """Return an engine for the store of an Airflow connection, after checking that its tables exist.

    With ``[rcs] auto_migrate``, they are created in a database that never was a store; they are never upgraded so.

    :param store_conn_id: the connection; by default ``[rcs] store_conn_id``, which is ``rcs_store`` unless set.
    :raises RcsStoreError: if the connection is not defined, if the store does not support its database, if the database
        cannot be reached, or if the tables are missing.
    """
    from airflow_provider_rcs.store.db.engine import naming_connection
    from airflow_provider_rcs.store.db.migrate import is_new, migrate, require_migrated

    engine = unchecked_store_engine(store_conn_id)
    try:
        require_migrated(engine)
    except RcsStoreUnavailable as error:
        raise naming_connection(engine, error) from None
    except RcsStoreError as error:
        if not (conf.getboolean("rcs", "auto_migrate", fallback=True) and is_new(engine)):
            raise naming_connection(engine, error) from None
        log.info("The store's tables are created, because its database has none: version %s.", migrate(engine))
    return engine


def unchecked_store_engine(store_conn_id: str | None = None) -> sa.Engine:
    """Return an engine for the store without checking its tables, as is needed to create them.

    The connection is read again whenever the store does not let one in, so that a rotated password needs no restart.

    :raises RcsStoreError: if the connection is not defined, or if the store does not support its database.
    """
    store_conn_id = store_conn_id or default_store_conn_id()
    from airflow_provider_rcs.store.db.engine import name_connection

    engine = engine_from_connection(_connection(store_conn_id), read_again=lambda: _connection(store_conn_id))
    name_connection(engine, store_conn_id)
    return engine


def default_store_conn_id() -> str:
    """Return the connection of the store that Airflow's configuration names."""
    return str(conf.get("rcs", "store_conn_id", fallback=DEFAULT_STORE_CONN_ID))


def lease_from_config() -> timedelta:
    """Return how long an attempt that sends counts as alive without renewing its lease in the store."""
    return timedelta(seconds=conf.getint("rcs", "lease_seconds", fallback=_DEFAULT_LEASE_SECONDS))


def engine_from_connection(
    connection: Connection,
    *,
    read_again: Callable[[], Connection] | None = None,
    poolclass: type[sa.Pool] | None = None,
) -> sa.Engine:
    """Return an engine for the store from a connection; on PostgreSQL with a fresh token for each of its connections.

    :param read_again: reads the connection when the store lets nobody in; by default it stays as it is.
    :param poolclass: a pool other than SQLAlchemy's default.
    :raises RcsStoreError: if the store does not support the connection's database, or does not use one of its extras.
    """
    from airflow_provider_rcs.hooks.store_url import postgres_url, sqlite_url
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.db.login import Login

    match connection.conn_type:
        case "sqlite":
            return engine_from_url(sqlite_url(connection), poolclass=poolclass)
        case "postgres" | "postgresql":
            reread = read_again or (lambda: connection)
            login = Login(partial(postgres_url, connection), lambda: partial(postgres_url, reread()))
            return engine_from_url(login.url(), login, poolclass)
        case str() as url if url.startswith(("postgres+", "postgresql+", "sqlite+")):
            conn_type = url.partition("+")[0].removesuffix("ql")
            raise RcsStoreError(
                f"store_conn_id: the connection {connection.conn_id!r} is of type {url!r}, a name of SQLAlchemy's. Use "
                f"the type {conn_type!r}; the extra sqlalchemy_scheme can name a driver for PostgreSQL."
            )
        case other:
            raise RcsStoreError(
                f"store_conn_id: the connection {connection.conn_id!r} is of type {other!r}, but the store runs "
                "on SQLite and PostgreSQL only. The warehouse can be any database."
            )


def _connection(store_conn_id: str) -> Connection:
    try:
        return BaseHook.get_connection(store_conn_id)
    except AirflowNotFoundException:
        raise RcsStoreError(
            f"store_conn_id: the connection {store_conn_id!r} is not defined. Define it (a SQLite or PostgreSQL "
            f"connection), then create its tables: airflow-rcs migrate --store-conn-id {store_conn_id}"
        ) from None
