"""A migrated SQLite store for each test."""

from __future__ import annotations

from tests.store_engines import shared_sqlite_engine
from tests.store_engines import sqlite_engine as engine

__all__ = ["engine", "shared_sqlite_engine"]
