"""A PostgreSQL database with a setting of its own, which its clients have not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def database_setting(engine: sa.Engine, name: str, value: str) -> Iterator[None]:
    """Set the engine's database so, for connections that are opened meanwhile."""
    database = f"ALTER DATABASE {engine.url.database}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"{database} SET {name} = '{value}'")
    engine.dispose()
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"{database} RESET {name}")
        engine.dispose()
