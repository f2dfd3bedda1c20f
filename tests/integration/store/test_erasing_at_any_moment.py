"""The behaviours of tests/unit/store/test_erasing_at_any_moment.py, on PostgreSQL."""

from tests.unit.store.test_erasing_at_any_moment import *  # noqa: F403
