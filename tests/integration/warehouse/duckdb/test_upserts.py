"""What holds for upserts on SQLite holds on DuckDB."""

from __future__ import annotations

from tests.unit.warehouse.test_upserts import *  # noqa: F403
