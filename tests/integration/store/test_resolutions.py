"""The behaviours of tests/unit/store/test_resolutions.py, on PostgreSQL."""

from tests.unit.store.test_resolutions import *  # noqa: F403
