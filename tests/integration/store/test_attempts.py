"""The behaviours of tests/unit/store/test_attempts.py, on PostgreSQL."""

from tests.unit.store.test_attempts import *  # noqa: F403
