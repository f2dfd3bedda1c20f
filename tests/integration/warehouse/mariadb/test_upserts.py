"""What holds for upserts on SQLite holds on MariaDB."""

from __future__ import annotations

from tests.unit.warehouse.test_upserts import *  # noqa: F403
