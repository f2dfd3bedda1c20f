"""The behaviours of tests/unit/store/test_shards.py, on PostgreSQL."""

from tests.unit.store.test_shards import *  # noqa: F403
