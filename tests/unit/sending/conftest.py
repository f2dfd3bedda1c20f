"""A migrated SQLite store for each test, or one on PostgreSQL, or each of them in turn."""

from __future__ import annotations

from tests.store_engines import engine as every_engine
from tests.store_engines import postgres_engine, shared_postgres_engine, shared_sqlite_engine, sqlite_engine
from tests.store_engines import sqlite_engine as engine

__all__ = [
    "engine",
    "every_engine",
    "postgres_engine",
    "shared_postgres_engine",
    "shared_sqlite_engine",
    "sqlite_engine",
]
