"""A sandbox, and a store on SQLite, behind the connections that are used by default."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.integration.operators.conftest import store
from tests.sandbox_process import SandboxProcess

__all__ = ["store"]


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess(latency=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", running_sandbox.connection())
    return running_sandbox


@pytest.fixture
def campaign() -> str:
    """A name of its own for each test, because the sandbox is shared."""
    return f"campaign-{uuid4().hex[:8]}"
