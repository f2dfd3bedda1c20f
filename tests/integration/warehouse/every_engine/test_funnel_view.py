"""The unit tests of the funnel view, on PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.views.test_funnel import *  # noqa: F403
