"""The behaviours of tests/unit/store/test_schedules.py, on PostgreSQL."""

from tests.unit.store.test_schedules import *  # noqa: F403
