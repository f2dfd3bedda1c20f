"""The behaviours of tests/unit/store/test_exports.py, on PostgreSQL."""

from tests.unit.store.test_exports import *  # noqa: F403
