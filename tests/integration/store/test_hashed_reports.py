"""The behaviours of tests/unit/store/test_hashed_reports.py, on PostgreSQL."""

from tests.unit.store.test_hashed_reports import *  # noqa: F403
