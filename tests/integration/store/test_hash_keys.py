"""The behaviours of tests/unit/store/test_hash_keys.py, on PostgreSQL."""

from tests.unit.store.test_hash_keys import *  # noqa: F403
