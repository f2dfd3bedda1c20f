"""What holds for upserts on SQLite holds on PostgreSQL."""

from __future__ import annotations

from tests.unit.warehouse.test_upserts import *  # noqa: F403
