"""Round trips to PostgreSQL, counted in libpq's own trace."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import Any

import sqlalchemy as sa


@contextmanager
def counted_round_trips(engine: sa.Engine) -> Iterator[Callable[[], int]]:
    """Yield what counts, once, how often the engine's users waited for the server; not for making connections."""
    with tempfile.TemporaryDirectory(prefix="rcs-trace-") as folder:
        traces: list[tuple[Any, BufferedWriter]] = []

        def trace(dbapi_connection: Any, _record: object) -> None:
            file = (Path(folder) / str(len(traces))).open("wb")
            dbapi_connection.pgconn.trace(file.fileno())
            traces.append((dbapi_connection.pgconn, file))

        def count() -> int:
            for traced, _ in traces:
                traced.untrace()  # Until then, libpq keeps the end of it.
            lines = [line for _, file in traces for line in Path(file.name).read_text().splitlines()]
            return sum("\tReadyForQuery" in line for line in lines)

        engine.connect().close()  # Its first connection asks the server what it is.
        engine.dispose()
        sa.event.listen(engine, "connect", trace)
        try:
            yield count
        finally:
            sa.event.remove(engine, "connect", trace)
            engine.dispose()
            for _, file in traces:
                file.close()
