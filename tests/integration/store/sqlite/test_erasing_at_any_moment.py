"""What holds in tests/integration/store/test_erasing_at_any_moment.py on PostgreSQL holds on SQLite."""

from tests.integration.store.test_erasing_at_any_moment import *  # noqa: F403
