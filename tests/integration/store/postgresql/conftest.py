"""A migrated and empty PostgreSQL store for each test."""

from __future__ import annotations

from tests.store_engines import postgres_engine as engine
from tests.store_engines import shared_postgres_engine

__all__ = ["engine", "shared_postgres_engine"]
