"""The behaviours of tests/unit/store/test_planning.py, on PostgreSQL."""

from tests.unit.store.test_planning import *  # noqa: F403
