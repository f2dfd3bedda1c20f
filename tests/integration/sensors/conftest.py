"""The sandbox, the store and the context of the operators' tests."""

from __future__ import annotations

from tests.integration.operators.conftest import context, running_sandbox, sandbox, store

__all__ = ["context", "running_sandbox", "sandbox", "store"]
