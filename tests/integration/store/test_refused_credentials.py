"""The behaviours of tests/unit/store/test_refused_credentials.py, on PostgreSQL."""

from tests.unit.store.test_refused_credentials import *  # noqa: F403
