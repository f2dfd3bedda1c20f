"""The store of the store's own tests."""

from __future__ import annotations

from tests.unit.store.conftest import engine, migrated_file, shared_engine

__all__ = ["engine", "migrated_file", "shared_engine"]
