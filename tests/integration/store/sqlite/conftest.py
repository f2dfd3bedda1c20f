"""The store of the store's unit tests, for histories that are too long to be among them."""

from __future__ import annotations

from tests.unit.store.conftest import engine, shared_engine

__all__ = ["engine", "shared_engine"]
