"""Checks of the store: reachable, with the right tables, on a server that keeps what it confirms, behind a pooler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.doctor.findings import Finding, Level

if TYPE_CHECKING:
    import sqlalchemy as sa

_ROUNDS = 3
_IN_TRANSACTION_MODE = (
    "behind a pooler that shares sessions between transactions (pool_mode transaction). This is supported; for its "
    "settings see docs/run-behind-a-pooler.md."
)
_IN_SESSION_MODE = "behind a pooler; no sharing of sessions was seen (pool_mode session). This is supported."


def check_store(get_store: Callable[[], sa.Engine]) -> Iterator[Finding]:
    """Check that the store can be used, and that its server keeps what it confirms.

    :param get_store: returns the store, whatever its tables are.
    """
    from airflow_provider_rcs.store.db.engine import reading
    from airflow_provider_rcs.store.db.migrate import is_new, newest_version, require_migrated, unsafe_settings

    engine = get_store()
    try:
        require_migrated(engine)
    except RcsStoreUnavailable:
        raise
    except RcsStoreError as error:
        if not is_new(engine):
            raise
        yield Finding(Level.WARNING, "store", f"{error} A task creates them at its first use ([rcs] auto_migrate).")
        return
    where = "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL"
    yield Finding(
        Level.OK, "store", f"reached on {where}; its tables fit this provider, which needs {newest_version()}"
    )
    if engine.dialect.name == "sqlite":
        text = "it is one file on this machine. Only processes on this machine can share it; use PostgreSQL for others."
        yield Finding(Level.OK, "store", text)
        return
    with reading(engine) as connection:
        off = unsafe_settings(connection)
    if off:
        text = (
            f"{' and '.join(f'{name}=off' for name in off)}: after a crash it may have forgotten who was messaged. Set "
            "them to on in postgresql.conf."
        )
        yield Finding(Level.FAILED, "store's server", text)
    else:
        yield Finding(Level.OK, "store's server", "it keeps what it confirms (fsync and full_page_writes are on)")
    yield Finding(Level.OK, "pooler", _describe_pooler(engine))


def _describe_pooler(engine: sa.Engine) -> str:
    """Return whether sessions are shared, as two clients at the same time see it.

    A pooler answers for the server when a client connects, with a process id of its own. In transaction mode, the
    session that the first client has just used is free for the second, although the first is still connected.
    """
    with closing(engine.raw_connection()) as first, closing(engine.raw_connection()) as second:
        promised = _promised_process(first.driver_connection)
        processes: list[set[int]] = [set(), set()]
        for _ in range(_ROUNDS):
            for number, client in enumerate((first, second)):
                processes[number].add(_process(client))
    is_shared = bool(processes[0] & processes[1]) or any(len(each) > 1 for each in processes)
    if is_shared:
        return _IN_TRANSACTION_MODE
    return _IN_SESSION_MODE if promised not in processes[0] else "none: the server is reached directly"


def _process(client: Any) -> int:
    """Return the server's process in which a transaction of a client runs."""
    with closing(client.cursor()) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    client.commit()
    return int(process)


def _promised_process(driver_connection: Any) -> int:
    """Return the process that the server named when the client connected."""
    if hasattr(driver_connection, "get_backend_pid"):  # psycopg2
        return int(driver_connection.get_backend_pid())
    return int(driver_connection.info.backend_pid)
