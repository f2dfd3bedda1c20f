"""The behaviours of tests/unit/store/test_folding.py, on PostgreSQL."""

from tests.unit.store.test_folding import *  # noqa: F403
