"""What holds in tests/integration/store/test_folding_order.py on PostgreSQL holds on SQLite."""

from tests.integration.store.test_folding_order import *  # noqa: F403
