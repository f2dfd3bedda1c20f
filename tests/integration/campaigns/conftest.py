"""A sandbox, and a store on SQLite, behind the connections that are used by default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.sandbox_process import SandboxProcess
from tests.stores import sqlite_store


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess(latency=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", running_sandbox.connection())
    return running_sandbox


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[sa.Engine]:
    engine = engine_from_url(sqlite_store(tmp_path / "store.db"))
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/store.db"}))
    yield engine
    engine.dispose()


@pytest.fixture
def campaign() -> str:
    """A name of its own for each test, because the sandbox is shared."""
    return f"campaign-{uuid4().hex[:8]}"
