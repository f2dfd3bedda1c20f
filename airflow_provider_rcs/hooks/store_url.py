"""The store's Airflow connection as a SQLAlchemy URL, read as Airflow's own hooks read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.base_url import is_unset
from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Connection

_DRIVER_EXTRA = "sqlalchemy_scheme"
_QUERY_EXTRA = "sqlalchemy_query"
_TOKEN_EXTRA = "iam"  # noqa: S105 - the name of an extra
_TOKEN_CONNECTIONS = ("aws_conn_id", "azure_conn_id")
_MEMORY = ":memory:"
_SQLITE_PATH = "Set it to the database's path, or write the connection as sqlite:///absolute/path.db"
_OFF = ("false", "f", "no", "n", "off", "0")
_INSTALL = "Install both with: pip install 'airflow-provider-rcs[postgres]'"


def sqlite_url(connection: Connection) -> sa.URL:
    """Return the URL of a SQLite database.

    A path in the host is taken as it is. A path in the schema is that of a URI with three slashes, which is absolute,
    as for Airflow's own hook, or with four, as in SQLAlchemy.

    :raises RcsStoreError: if the connection has no path, two, one that is no file's, or an extra: none is used.
    """
    import sqlalchemy as sa

    if unused := _set(connection.extra_dejson):
        raise _unused(connection, next(iter(unused)), "The store uses no extras on SQLite.")
    path, problem = connection.host or "", ""
    if connection.host and connection.schema:
        problem = "its path is in two fields, host and schema"
    elif connection.schema:
        path = f"/{connection.schema.lstrip('/')}"
    if not path:
        problem = "it is missing"
    elif path.strip("/") == _MEMORY:
        problem = "the database would be in memory, where no other process can see it"
    if problem:
        raise RcsStoreError(f"host of the connection {connection.conn_id!r}: {problem}. {_SQLITE_PATH}")
    return sa.URL.create("sqlite", database=path)


def postgres_url(connection: Connection) -> sa.URL:
    """Return the URL of a PostgreSQL database, for one more connection to it: with ``iam``, it has a new token.

    :raises RcsStoreError: if an extra is not used, or no token can be had.
    """
    import sqlalchemy as sa

    extras = _set(connection.extra_dejson)
    driver = _driver(connection, extras.pop(_DRIVER_EXTRA, None))
    login, password, port = connection.login, connection.password, connection.port
    if _is_on(extras.pop(_TOKEN_EXTRA, False)):
        login, password, port = _token(connection)
        for name in _TOKEN_CONNECTIONS:
            extras.pop(name, None)
    return sa.URL.create(
        driver,
        username=login,
        password=password,
        host=connection.host,
        port=port,
        database=connection.schema,
        query=_driver_options(connection, extras),
    )


def _set(extras: dict[str, Any]) -> dict[str, Any]:
    """Return the extras that have a value; a form leaves the others empty."""
    return {name: value for name, value in extras.items() if not is_unset(value)}


def _is_on(value: object) -> bool:
    """Return whether a feature is on; the query of a URI has texts only."""
    return value.lower() not in _OFF if isinstance(value, str) else bool(value)


def _object(value: object) -> object:
    """Return an extra that is an object as one, also where the query of a URI holds it as text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _driver(connection: Connection, scheme: object) -> str:
    """Return the driver that the connection names, or else the newest that is installed."""
    if scheme not in (None, "postgresql"):
        return str(scheme)
    from airflow_provider_rcs.store.db.engine import installed_driver

    if driver := installed_driver():
        return f"postgresql+{driver}"
    raise RcsStoreError(
        f"store_conn_id: the connection {connection.conn_id!r} needs a driver for PostgreSQL. {_INSTALL}"
    )


def _token(connection: Connection) -> tuple[str, str, int]:
    """Return login, token and port from the identity provider that Airflow's hook asks."""
    from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException

    try:
        from airflow.providers.postgres.hooks.postgres import PostgresHook
    except ImportError:
        raise RcsStoreError(
            f"iam of the connection {connection.conn_id!r}: it needs Airflow's Postgres provider. {_INSTALL}"
        ) from None
    hook = PostgresHook(postgres_conn_id=connection.conn_id, connection=connection)
    try:
        login, token, port = hook.get_iam_token(connection)
    except AirflowOptionalProviderFeatureException as error:
        raise RcsStoreError(f"iam of the connection {connection.conn_id!r}: {error}") from None
    except Exception as error:  # noqa: BLE001 - of any kind, from the cloud's library; its text can contain credentials
        raise RcsStoreUnavailable(
            f"iam of the connection {connection.conn_id!r}: there is no token ({type(error).__name__}). "
            f"Check {' or '.join(_TOKEN_CONNECTIONS)}, and the login's permissions, then retry."
        ) from None
    return login, token, port


def _driver_options(connection: Connection, extras: dict[str, Any]) -> dict[str, str]:
    """Return the options of libpq, which the extras and ``sqlalchemy_query`` name."""
    query = _object(extras.pop(_QUERY_EXTRA, {}))
    if not isinstance(query, dict):
        raise _unused(connection, _QUERY_EXTRA, "It must be an object of options.")
    known = _libpq_options()
    options: dict[str, str] = {}
    for name, value in {**extras, **_set(query)}.items():
        if known and name not in known:
            if not _is_on(value):
                continue  # a feature of Airflow's hook that is switched off
            raise _unused(connection, name, "Remove it: the store's connections are opened without it.")
        if not isinstance(value, str | int | float):
            raise _unused(connection, name, "It must be a text or a number.")
        options[name] = str(int(value)) if isinstance(value, bool) else str(value)
    return options


def _libpq_options() -> frozenset[str]:
    """Return the names of libpq's connection options; none if only psycopg2, which cannot list them, is installed."""
    try:
        from psycopg import pq
    except ImportError:
        return frozenset()
    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())


def _unused(connection: Connection, extra: str, what_now: str) -> RcsStoreError:
    return RcsStoreError(
        f"extra {extra!r} of the connection {connection.conn_id!r}: the store does not use it. {what_now}"
    )
