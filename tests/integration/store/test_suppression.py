"""The behaviours of tests/unit/store/test_suppression.py, on PostgreSQL."""

from tests.unit.store.test_suppression import *  # noqa: F403
