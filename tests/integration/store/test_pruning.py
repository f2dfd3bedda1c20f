"""The behaviours of tests/unit/store/test_pruning.py, on PostgreSQL."""

from tests.unit.store.test_pruning import *  # noqa: F403
