"""What holds for a load on SQLite holds on DuckDB."""

from __future__ import annotations

from tests.unit.warehouse.test_load import *  # noqa: F403
