"""The unit tests of loads, on PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.test_load import *  # noqa: F403
