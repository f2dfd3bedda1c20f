"""Checks of Airflow's connections: that they are defined, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.doctor.findings import Finding, Level

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_PLACES = {
    "EnvironmentVariablesBackend": "the environment",
    "MetastoreBackend": "Airflow's database",
    # It asks the API server, which looks into its own environment and secrets backends first.
    "ExecutionAPISecretsBackend": "what Airflow's API server knows, such as its database",
}


def check_connections(rcs_conn_id: str, store_conn_id: str | None, sql_conn_id: str) -> Iterator[Finding]:
    """Find the connections that are used, and yield where each was found.

    :param store_conn_id: that of the store; empty for the default, and ``None`` if the store is no connection.
    :param sql_conn_id: that of a campaign's query; empty if there is none.
    """
    from airflow_provider_rcs.hooks.store import default_store_conn_id

    yield from _check(rcs_conn_id, "Create it with the type rcs", ("rcs",))
    if store_conn_id is not None:
        remedy = "Create it with the type postgres or sqlite"
        yield from _check(store_conn_id or default_store_conn_id(), remedy, ("postgres", "postgresql", "sqlite"))
    if sql_conn_id:
        yield from _check(sql_conn_id, "Create it, or name another", ())


def _check(conn_id: str, remedy: str, conn_types: tuple[str, ...]) -> Iterator[Finding]:
    what = f"connection {conn_id!r}"
    found: list[tuple[str, Connection]] = []
    for backend in _backends():
        place = _PLACES.get(type(backend).__name__, f"the secrets backend {type(backend).__name__}")
        try:
            connection = backend.get_connection(conn_id=conn_id)
        except Exception as error:  # noqa: BLE001 - a secrets backend may raise anything, and quote secrets
            # Airflow does not ask those that come after the place where it finds the connection.
            if not (found or _is_not_found(error)):
                text = f"{place} cannot be asked ({type(error).__name__}). Check its settings and permissions."
                yield Finding(Level.WARNING, what, text)
            continue
        if connection is not None:
            found.append((place, connection))
    if not found:
        yield Finding(Level.FAILED, what, f"it is not defined anywhere. {remedy}: see docs/connections.md.")
        return
    place, connection = found[0]
    if conn_types and connection.conn_type not in conn_types:
        text = f"found in {place}, but its type is {connection.conn_type!r}. {remedy}."
        yield Finding(Level.FAILED, what, text)
    # The API server may have it from the same environment: only another content is a mistake.
    elif others := [other for other, each in found[1:] if _content(each) != _content(connection)]:
        text = (
            f"found in {place}, which counts, and another in {' and '.join(others)}. Delete the one that is not meant."
        )
        yield Finding(Level.WARNING, what, text)
    else:
        yield Finding(Level.OK, what, f"found in {place}")


def _backends() -> list[Any]:
    """Return what Airflow looks for connections in, in its order."""
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

    return list(ensure_secrets_backend_loaded())


def _content(connection: Connection) -> tuple[object, ...]:
    fields = (connection.conn_type, connection.host, connection.port, connection.login, connection.password)
    return (*fields, connection.schema, connection.extra_dejson)


def _is_not_found(error: Exception) -> bool:
    return "NOT_FOUND" in str(getattr(getattr(error, "error", None), "error", "")) or "NotFound" in type(error).__name__
