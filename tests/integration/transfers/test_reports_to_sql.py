from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowFailException, Context

from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from tests.unit.cli.test_refold import rcs_connection
from tests.unit.warehouse.test_load import report, rows, send


def connect_warehouse(monkeypatch: pytest.MonkeyPatch, **fields: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))


def operator(**arguments: Any) -> RcsReportsToSqlOperator:
    return RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse", **arguments)


def test_reports_are_loaded_through_a_connection_and_the_counts_returned(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/warehouse.db")
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")

    assert operator().execute(context) == {"campaigns": 1, "messages": 1, "reports": 1}

    warehouse = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    assert rows(warehouse, "SELECT phone, delivery_status FROM rcs_message") == [("+34600000001", "delivered")]


def test_reports_are_loaded_into_postgresql_through_airflows_hook(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    url = sa.make_url(postgres_url)
    socket_folder = url.query.get("host")
    host = url.host or (socket_folder if isinstance(socket_folder, str) else "")
    connect_warehouse(monkeypatch, conn_type="postgres", host=host, login=url.username or "", schema=url.database or "")
    send(store, "spring", ["+34600000001"])

    assert operator().execute(context)["messages"] == 1

    assert rows(sa.create_engine(postgres_url), "SELECT phone FROM rcs_message") == [("+34600000001",)]


def test_the_store_as_warehouse_is_refused(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")

    with pytest.raises(AirflowFailException, match="target_conn_id: it is the store itself"):
        operator().execute(context)


def test_reports_are_loaded_into_duckdb_through_its_hook(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect_warehouse(monkeypatch, conn_type="duckdb", host=f"{tmp_path}/warehouse.duckdb")
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")

    assert operator().execute(context) == {"campaigns": 1, "messages": 1, "reports": 1}

    warehouse = sa.create_engine(f"duckdb:///{tmp_path}/warehouse.duckdb")
    assert rows(warehouse, "SELECT campaign, delivered FROM rcs_campaign_funnel") == [("spring", 1)]


def test_hashed_phones_are_keyed_by_the_connection_and_masked_ones_show_three_digits(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PHONE_KEY", json.dumps({"conn_type": "generic", "password": "secret"}))
    send(store, "spring", ["+34600000001"])
    shown = []

    for phones in ("hashed", "masked"):
        connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/{phones}.db")
        operator(phones=phones, phone_key_conn_id="phone_key").execute(context)
        shown += rows(sa.create_engine(f"sqlite:///{tmp_path}/{phones}.db"), "SELECT phone FROM rcs_message")

    assert shown == [(hmac.new(b"secret", b"+34600000001", "sha256").hexdigest(),), ("*********001",)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"phones": "secret"}, "phones: 'secret' is not a choice"),
        ({"phones": None}, "phones: None is not a choice"),
        ({"phones": "hashed"}, "phone_key_conn_id: hashed phones need a key"),
        ({"phones": "hashed", "phone_key_conn_id": "phone_key"}, "phone_key_conn_id: the key is empty"),
    ],
)
def test_an_unusable_form_of_phones_is_refused_before_anything_is_loaded(
    store: sa.Engine,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: dict[str, Any],
    message: str,
) -> None:
    connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/warehouse.db")
    monkeypatch.setenv("AIRFLOW_CONN_PHONE_KEY", json.dumps({"conn_type": "generic"}))

    with pytest.raises(AirflowFailException, match=message):
        operator(**arguments).execute(context)

    assert not (tmp_path / "warehouse.db").exists()


def test_an_error_of_the_warehouse_is_raised_and_logged_without_a_phone(
    store: sa.Engine,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/warehouse.db")
    send(store, "spring", ["+34600000001"])
    warehouse = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    with warehouse.begin() as connection:
        columns = "store VARCHAR(32), id BIGINT, phone TEXT CHECK (phone = ''), PRIMARY KEY (store, id)"
        connection.execute(sa.text(f"CREATE TABLE rcs_message ({columns})"))

    with pytest.raises(AirflowFailException, match="the database refused") as failure:
        operator().execute(context)

    assert "+34600000001" not in f"{failure.value}{failure.value.__cause__}{caplog.text}"


def test_the_log_warns_of_a_campaign_that_was_folded_with_other_codes(
    store: sa.Engine,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connect_warehouse(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/warehouse.db")
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "77")
    operator().execute(context)
    before = capsys.readouterr().out
    monkeypatch.setenv("AIRFLOW_CONN_RCS_MARKETING", rcs_connection({"77": "read"}))

    operator(rcs_conn_id="rcs_marketing").execute(context)

    assert "refold" not in before
    assert "77 (unknown, now read)" in capsys.readouterr().out
