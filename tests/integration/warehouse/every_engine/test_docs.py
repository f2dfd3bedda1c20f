"""The queries of the page on loads, on PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.test_docs import *  # noqa: F403
