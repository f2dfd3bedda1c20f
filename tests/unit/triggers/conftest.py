"""A migrated store for each test of a trigger."""

from __future__ import annotations

from tests.unit.store.conftest import engine, shared_engine

__all__ = ["engine", "shared_engine"]
