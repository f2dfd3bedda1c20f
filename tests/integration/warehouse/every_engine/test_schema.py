"""The unit tests of missing and older tables, on PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.test_schema import *  # noqa: F403
