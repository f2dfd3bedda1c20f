"""The behaviours of tests/unit/store/test_funnel.py, on PostgreSQL."""

from tests.unit.store.test_funnel import *  # noqa: F403
