from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowFailException, Context

from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from tests.unit.warehouse.test_load import report, rows, send


def connect_warehouse(monkeypatch: pytest.MonkeyPatch, **fields: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))


def operator() -> RcsReportsToSqlOperator:
    return RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")


def test_it_loads_through_a_connection_and_returns_the_counts(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/warehouse.db")
    report(store, send(store, "spring", ["34600000001"]), "34600000001", "13")

    assert operator().execute(context) == {"campaigns": 1, "messages": 1, "reports": 1}

    warehouse = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    assert rows(warehouse, "SELECT phone, delivery_status FROM rcs_message") == [("34600000001", "delivered")]


def test_it_loads_into_postgresql_through_airflows_own_hook(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    url = sa.make_url(postgres_url)
    socket_folder = url.query.get("host")
    host = url.host or (socket_folder if isinstance(socket_folder, str) else "")
    connect_warehouse(monkeypatch, conn_type="postgres", host=host, login=url.username or "", schema=url.database or "")
    send(store, "spring", ["34600000001"])

    assert operator().execute(context)["messages"] == 1

    assert rows(sa.create_engine(postgres_url), "SELECT phone FROM rcs_message") == [("34600000001",)]


def test_the_store_itself_is_refused(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")

    with pytest.raises(AirflowFailException, match="target_conn_id: it is the store itself"):
        operator().execute(context)
