"""The behaviours of tests/unit/store/test_arrivals.py, on PostgreSQL."""

from tests.unit.store.test_arrivals import *  # noqa: F403
