"""The unit tests of transfers, from stores on PostgreSQL and SQLite to PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.store_engines import engine as store
from tests.store_engines import postgres_engine, shared_postgres_engine
from tests.unit.warehouse.test_transfer import *  # noqa: F403

__all__ = ["postgres_engine", "shared_postgres_engine", "store"]
