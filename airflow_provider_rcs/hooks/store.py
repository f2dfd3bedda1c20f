"""The store's Airflow connection as a SQLAlchemy engine."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, conf

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.settings import is_unset
from airflow_provider_rcs.get_provider_info import DEFAULT_STORE_CONN_ID

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Connection

_EXTRAS_FOR_AIRFLOW = ("cursor", "iam", "aws_conn_id", "redshift", "sqlalchemy_query", "sqlalchemy_scheme", "options")


def store_engine(store_conn_id: str | None = None) -> sa.Engine:
    """Return an engine for the store of an Airflow connection, after checking that its tables exist.

    :param store_conn_id: the connection; by default ``[rcs] store_conn_id``, which is ``rcs_store`` unless set.
    :raises RcsStoreError: if the connection is not defined, if the store does not support its database, if the database
        cannot be reached, or if the tables are missing.
    """
    from airflow_provider_rcs.store.db.migrate import require_migrated

    engine = unchecked_store_engine(store_conn_id)
    require_migrated(engine)
    return engine


def unchecked_store_engine(store_conn_id: str | None = None) -> sa.Engine:
    """Return an engine for the store without checking its tables, as is needed to create them.

    :raises RcsStoreError: if the connection is not defined, or if the store does not support its database.
    """
    store_conn_id = store_conn_id or default_store_conn_id()
    try:
        connection = BaseHook.get_connection(store_conn_id)
    except AirflowNotFoundException:
        raise RcsStoreError(
            f"store_conn_id: the connection {store_conn_id!r} is not defined. Define it (a SQLite or PostgreSQL "
            f"connection), then create its tables: airflow-rcs migrate --store-conn-id {store_conn_id}"
        ) from None
    return engine_from_connection(connection)


def default_store_conn_id() -> str:
    """Return the connection of the store that Airflow's configuration names."""
    return str(conf.get("rcs", "store_conn_id", fallback=DEFAULT_STORE_CONN_ID))


def engine_from_connection(connection: Connection) -> sa.Engine:
    """Return an engine for the store from the fields of a connection, without looking anything up.

    :raises RcsStoreError: if the store does not support its database.
    """
    from airflow_provider_rcs.store.db.engine import engine_from_url

    return engine_from_url(_url(connection).render_as_string(hide_password=False))


def _url(connection: Connection) -> sa.URL:
    import sqlalchemy as sa

    match connection.conn_type:
        case "sqlite":
            if not (connection.host or connection.schema):
                raise RcsStoreError(
                    f"host of the connection {connection.conn_id!r}: it is missing. Set it to the database's path."
                )
            return sa.URL.create("sqlite", database=connection.host or connection.schema)
        case "postgres" | "postgresql":
            return sa.URL.create(
                _postgres_driver(),
                username=connection.login,
                password=connection.password,
                host=connection.host,
                port=connection.port,
                database=connection.schema,
                query=_driver_options(connection.extra_dejson),
            )
        case other:
            raise RcsStoreError(
                f"store_conn_id: the connection {connection.conn_id!r} is of type {other!r}, but the store runs "
                "on SQLite and PostgreSQL only. The warehouse can be any database."
            )


def _postgres_driver() -> str:
    for module in ("psycopg", "psycopg2"):
        if find_spec(module):
            return f"postgresql+{module}"
    raise RcsStoreError(
        "store: no driver for PostgreSQL is installed. Install it with: pip install 'airflow-provider-rcs[postgres]'"
    )


def _driver_options(extras: dict[str, Any]) -> dict[str, str]:
    options = {**extras, **(extras.get("sqlalchemy_query") or {})}
    return {
        key: str(value)
        for key, value in options.items()
        if key not in _EXTRAS_FOR_AIRFLOW and isinstance(value, str | int | float) and not is_unset(value)
    }
