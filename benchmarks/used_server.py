"""A PostgreSQL server such as one in use is: the files of its log are there, and are written again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.postgres import postgres_server

# As much as PostgreSQL lets the log grow to between two checkpoints by default (max_wal_size).
_MEBIBYTES_OF_LOG = 1024


@contextmanager
def used_server() -> Iterator[str]:
    """Run a server, have it write its log once, and give the URL of its maintenance database.

    A new server makes each file of its log when it first comes to it, and writes 16 MiB of zeros to it, which takes as
    long as the rows that go there do. One that has been in use for a while has none of that to do.
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
