"""Fixtures that run each test of the store on SQLite and on PostgreSQL."""

from __future__ import annotations

from tests.store_engines import engine, postgres_engine, shared_postgres_engine, shared_sqlite_engine, sqlite_engine

__all__ = ["engine", "postgres_engine", "shared_postgres_engine", "shared_sqlite_engine", "sqlite_engine"]
