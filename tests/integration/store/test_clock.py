"""The behaviours of tests/unit/store/test_clock.py, on PostgreSQL."""

from tests.unit.store.test_clock import *  # noqa: F403
