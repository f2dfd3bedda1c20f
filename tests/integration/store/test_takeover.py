"""The behaviours of tests/unit/store/test_takeover.py, on PostgreSQL."""

from tests.unit.store.test_takeover import *  # noqa: F403
