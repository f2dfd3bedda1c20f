"""The behaviours of tests/unit/store/test_claims.py, on PostgreSQL."""

from tests.unit.store.test_claims import *  # noqa: F403
