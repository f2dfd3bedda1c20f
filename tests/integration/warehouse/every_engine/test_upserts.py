"""The unit tests of upserts, on PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.test_upserts import *  # noqa: F403
