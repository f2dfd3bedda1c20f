"""The behaviours of tests/unit/store/test_erasure.py, on PostgreSQL."""

from tests.unit.store.test_erasure import *  # noqa: F403
