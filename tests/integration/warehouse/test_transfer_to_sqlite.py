"""The unit tests of transfers, from a store on PostgreSQL to SQLite."""

from __future__ import annotations

from tests.unit.warehouse.conftest import shared_warehouse, warehouse
from tests.unit.warehouse.test_transfer import *  # noqa: F403

__all__ = ["shared_warehouse", "warehouse"]
