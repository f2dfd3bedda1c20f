"""The behaviours of tests/unit/store/test_landing.py, on PostgreSQL."""

from tests.unit.store.test_landing import *  # noqa: F403
