"""The behaviours of tests/unit/store/test_campaigns.py, on PostgreSQL."""

from tests.unit.store.test_campaigns import *  # noqa: F403
