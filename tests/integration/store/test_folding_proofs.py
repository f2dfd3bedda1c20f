"""The behaviours of tests/unit/store/test_folding_proofs.py, on PostgreSQL."""

from tests.unit.store.test_folding_proofs import *  # noqa: F403
