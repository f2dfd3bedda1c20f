"""The behaviours of tests/unit/store/test_latest_status.py, on PostgreSQL."""

from tests.unit.store.test_latest_status import *  # noqa: F403
