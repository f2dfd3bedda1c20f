"""A sandbox, and a store on SQLite, behind the connections that the operators use by default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.sandbox_process import SandboxProcess
from tests.stores import sqlite_store


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    connect(monkeypatch, running_sandbox)
    return running_sandbox


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[sa.Engine]:
    engine = engine_from_url(sqlite_store(tmp_path / "store.db"))
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/store.db"}))
    yield engine
    engine.dispose()


@pytest.fixture
def context() -> Context:
    """The part of a task's context that the operators read."""
    task_instance = SimpleNamespace(dag_id="dag", task_id="task", run_id="run", map_index=-1, try_number=1)
    return cast("Context", {"ti": task_instance, "outlet_events": OutletEventAccessors()})


def connect(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess, **changes: Any) -> None:
    """Define ``rcs_default`` as the sandbox, with some fields changed."""
    fields = {"conn_type": "rcs", "host": sandbox.url, "login": sandbox.login, "password": sandbox.password}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(fields | changes))
