"""The store of the store's own tests."""

from __future__ import annotations

from tests.unit.store.conftest import engine, shared_engine

__all__ = ["engine", "shared_engine"]
