"""The behaviours of tests/unit/store/test_silences.py, on PostgreSQL."""

from tests.unit.store.test_silences import *  # noqa: F403
