"""The behaviours of tests/unit/store/test_cancellations.py, on PostgreSQL."""

from tests.unit.store.test_cancellations import *  # noqa: F403
