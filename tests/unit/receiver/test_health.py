from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.spool import Spool
from tests.unit.receiver.pushing import (
    CREDENTIALS,
    push,
)


def test_the_health_check_queries_the_store_at_most_once_a_second() -> None:
    queries = 0

    def get_engine() -> sa.Engine:
        nonlocal queries
        if threading.current_thread().name == "rcs-reports-health check":
            queries += 1
        raise RcsStoreError("store: not available")

    app = ReportsApp(get_engine, lambda: CREDENTIALS)

    responses = [push(app, "/rcs/health", "GET", auth=None) for _ in range(20)]

    assert {(response.status_code, response.text) for response in responses} == {(503, '{"status":"not ready"}')}
    assert queries == 1


def test_the_receiver_is_ready_while_the_spool_has_room(tmp_path: Path) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    app = ReportsApp(get_engine, lambda: CREDENTIALS, spool=Spool(tmp_path / "spool"))

    assert push(app, "/rcs/health", "GET").json() == {"status": "ready"}
