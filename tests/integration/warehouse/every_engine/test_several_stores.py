"""The unit tests of several stores in one warehouse, on PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.test_several_stores import *  # noqa: F403
