"""The store and the context of the operators' tests."""

from __future__ import annotations

from tests.integration.operators.conftest import context, store

__all__ = ["context", "store"]
