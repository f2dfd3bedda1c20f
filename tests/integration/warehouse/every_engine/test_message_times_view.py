"""The unit tests of the view of message times, on PostgreSQL, DuckDB and MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.views.test_message_times import *  # noqa: F403
