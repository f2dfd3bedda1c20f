"""Loads by a login of the warehouse that lacks a right."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsWarehouseError
from airflow_provider_rcs.warehouse import schema
from airflow_provider_rcs.warehouse.load import load
from airflow_provider_rcs.warehouse.tables import WarehouseTables, warehouse_tables
from airflow_provider_rcs.warehouse.views import View, create_statements
from tests.unit.warehouse.given_pages import created_tables, row, transfer_rows
from tests.unit.warehouse.test_load import report, rows, send


@pytest.fixture
def login(warehouse: sa.Engine) -> Iterator[sa.Engine]:
    """A login that may connect to the warehouse, and nothing else."""
    name = f"login_{uuid4().hex}"
    run(warehouse, f"CREATE ROLE {name} LOGIN PASSWORD 'secret'", f"REVOKE ALL ON SCHEMA public FROM PUBLIC, {name}")
    run(warehouse, f"GRANT USAGE ON SCHEMA public TO {name}")
    engine = sa.create_engine(warehouse.url.set(username=name, password="secret"))
    yield engine
    engine.dispose()
    run(warehouse, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def grant(warehouse: sa.Engine, login: sa.Engine, rights: str) -> None:
    tables = ", ".join(warehouse_tables(None).metadata.tables)
    run(warehouse, f"GRANT {rights} ON {tables} TO {login.url.username}")


def test_an_error_names_database_table_right_and_statement(
    store: sa.Engine, warehouse: sa.Engine, login: sa.Engine
) -> None:
    send(store, "winter", ["+34600000001"])
    load(store, warehouse, None)
    grant(warehouse, login, "SELECT, INSERT")
    send(store, "spring", ["+34600000001"])

    with pytest.raises(RcsWarehouseError) as caught:
        load(store, login, None)

    assert f"database {warehouse.url.database}" in str(caught.value)
    assert "rcs_message" in str(caught.value)
    assert "SELECT, INSERT and UPDATE" in str(caught.value)
    assert "42501" in str(caught.value)
    assert not caught.value.retry_may_help


def test_without_the_right_to_temporary_tables_the_error_says_so(
    store: sa.Engine, warehouse: sa.Engine, login: sa.Engine
) -> None:
    report_table = created_tables(warehouse).report
    grant(warehouse, login, "SELECT, INSERT, UPDATE")
    run(warehouse, f"REVOKE TEMPORARY ON DATABASE {warehouse.url.database} FROM PUBLIC")

    with pytest.raises(RcsWarehouseError, match=r"rcs_report .*42501.*TEMPORARY on the database"):
        transfer_rows(store, login, report_table, [row(report_table, id=1)])


def test_without_the_right_to_create_tables_the_error_says_so(
    store: sa.Engine, warehouse: sa.Engine, login: sa.Engine
) -> None:
    with pytest.raises(RcsWarehouseError, match="CREATE"):
        load(store, login, None)


def test_rights_on_the_tables_alone_are_enough_for_the_tables(
    store: sa.Engine, warehouse: sa.Engine, login: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    load(store, warehouse, None)
    grant(warehouse, login, "SELECT, INSERT, UPDATE")
    run(warehouse, "DROP VIEW rcs_campaign_funnel")
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")

    load(store, login, None)

    assert rows(warehouse, "SELECT delivery_status FROM rcs_message") == [("delivered",)]
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [line.split()[2] for line in lines] == ["rcs_campaign_funnel", "rcs_message_times"]


def test_a_view_that_a_login_may_not_create_is_tried_once(
    store: sa.Engine, warehouse: sa.Engine, login: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(store, warehouse, None)
    grant(warehouse, login, "SELECT, INSERT, UPDATE")
    tried: list[View] = []

    def create_and_count(view: View, tables: WarehouseTables, dialect: sa.Dialect) -> list[str]:
        tried.append(view)
        return create_statements(view, tables, dialect)

    monkeypatch.setattr(schema, "create_statements", create_and_count)

    load(store, login, None)

    assert tried == list(schema.VIEWS)


def test_no_cell_is_in_the_error_when_the_warehouse_refuses_a_row(store: sa.Engine, warehouse: sa.Engine) -> None:
    load(store, warehouse, None)
    run(warehouse, "ALTER TABLE rcs_message ADD CONSTRAINT theirs CHECK (name <> 'P+34600000001')")
    send(store, "spring", ["+34600000001"])

    with pytest.raises(RcsWarehouseError) as caught:
        load(store, warehouse, None)

    assert "34600000001" not in str(caught.value)
    assert "23514" in str(caught.value)
    assert "rcs_message" in str(caught.value)


def test_extra_fields_can_be_compared_and_grouped(store: sa.Engine, warehouse: sa.Engine) -> None:
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT DISTINCT extra FROM rcs_report GROUP BY extra") == [({},)]
