"""The behaviours of tests/unit/store/test_upsert.py, on PostgreSQL."""

from tests.unit.store.test_upsert import *  # noqa: F403
