"""The behaviours of tests/unit/store/test_reporting.py, on PostgreSQL."""

from tests.unit.store.test_reporting import *  # noqa: F403
