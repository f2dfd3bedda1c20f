"""The behaviours of tests/unit/store/test_restored.py, on PostgreSQL."""

from tests.unit.store.test_restored import *  # noqa: F403
