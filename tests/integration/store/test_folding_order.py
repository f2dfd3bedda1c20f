"""The behaviours of tests/unit/store/test_folding_order.py, on PostgreSQL."""

from tests.unit.store.test_folding_order import *  # noqa: F403
