"""The behaviours of tests/unit/store/test_tables.py, on PostgreSQL."""

from tests.unit.store.test_tables import *  # noqa: F403
