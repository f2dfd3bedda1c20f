"""A PostgreSQL server whose log files exist already, as on a server that has been in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.postgres import postgres_server

# The size to which PostgreSQL lets the log grow between two checkpoints by default (max_wal_size).
_MEBIBYTES_OF_LOG = 1024


@contextmanager
def used_server() -> Iterator[str]:
    """Run a server, let it write its log once, and yield the URL of its maintenance database.

    A new server creates each file of its log when it first reaches it, and writes 16 MiB of zeros, which takes as long
    as writing rows does. A server that has been in use for a while reuses its files.
    """
    with postgres_server() as server:
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"ALTER SYSTEM SET min_wal_size = '{_MEBIBYTES_OF_LOG}MB'")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            for _ in range(_MEBIBYTES_OF_LOG):
                connection.exec_driver_sql("SELECT pg_logical_emit_message(false, '', repeat('x', 1048576))")
            connection.exec_driver_sql("CHECKPOINT")
        engine.dispose()
        yield server
