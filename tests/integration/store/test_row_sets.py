"""The behaviours of tests/unit/store/test_row_sets.py, on PostgreSQL."""

from tests.unit.store.test_row_sets import *  # noqa: F403
