"""Transfers that fail: the error says whose database it was, and shows no cell."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsError,
    RcsRefusedDataError,
    RcsStoreUnavailable,
    RcsWarehouseError,
    RcsWarehouseUnavailable,
)
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.store_engines import engine as store
from tests.store_engines import postgres_engine, shared_postgres_engine
from tests.unit.warehouse.given_pages import created_tables, page_of, read, row, transfer_page

__all__ = ["postgres_engine", "shared_postgres_engine", "store"]

REPORT = warehouse_tables(None).report
CELL = "+34600000001 is secret"


@pytest.fixture
def page(store: sa.Engine, warehouse: sa.Engine) -> Iterator[sa.Select[Any]]:
    """A page of one report, whose service is ``CELL``."""
    report = created_tables(warehouse).report
    with page_of(store, report, [row(report, id=1, service=CELL)]) as page:
        yield page


def text_as_number(page: sa.Select[Any]) -> sa.Select[Any]:
    return replaced(page, "message_id", page.selected_columns.service)


def test_a_cell_that_the_warehouse_refuses_is_nowhere_in_the_error_or_the_log(
    store: sa.Engine, warehouse: sa.Engine, page: sa.Select[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    with pytest.raises(RcsWarehouseError) as caught:
        transfer_page(store, warehouse, Page(text_as_number(page), REPORT))

    assert "rcs_report" in str(caught.value)
    assert not caught.value.retry_may_help
    assert not [text for text in (*shown(caught.value), caplog.text) if "600000001" in text or "secret" in text]
    assert read(warehouse, REPORT) == []


def test_postgresql_names_the_state_and_the_column_of_a_refused_cell(
    store: sa.Engine, warehouse: sa.Engine, page: sa.Select[Any]
) -> None:
    if warehouse.dialect.name != "postgresql":
        pytest.skip("the other drivers do not say the column apart from the cell")

    with pytest.raises(RcsWarehouseError, match="SQLSTATE 22P02, column message_id"):
        transfer_page(store, warehouse, Page(text_as_number(page), REPORT))


def test_a_cell_that_the_store_cannot_read_is_an_error_of_the_store_without_the_cell(
    store: sa.Engine, warehouse: sa.Engine, page: sa.Select[Any]
) -> None:
    if store.dialect.name != "postgresql":
        pytest.skip("SQLite makes a number of any text")
    unreadable = replaced(page, "message_id", sa.cast(page.selected_columns.service, sa.BigInteger))

    with pytest.raises(RcsRefusedDataError) as caught:
        transfer_page(store, warehouse, Page(unreadable, REPORT))

    assert not [text for text in shown(caught.value) if "600000001" in text or "secret" in text]
    assert read(warehouse, REPORT) == []


def test_a_store_that_ends_while_a_page_is_read_is_an_error_of_the_store(
    store: sa.Engine, warehouse: sa.Engine, page: sa.Select[Any]
) -> None:
    if store.dialect.name != "postgresql":
        pytest.skip("SQLite has no server that ends")
    ends = sa.cast(sa.func.pg_terminate_backend(sa.func.pg_backend_pid()), sa.Integer)

    with pytest.raises(RcsStoreUnavailable):
        transfer_page(store, warehouse, Page(replaced(page, "message_id", ends), REPORT))

    assert read(warehouse, REPORT) == []


def test_a_warehouse_that_ends_during_a_transfer_is_unavailable(
    store: sa.Engine, warehouse: sa.Engine, page: sa.Select[Any]
) -> None:
    if warehouse.dialect.name == "duckdb":
        pytest.skip("DuckDB has no server that ends")

    def end(connection: sa.Connection) -> None:
        own = "pg_terminate_backend(pg_backend_pid())"
        statement = f"SELECT {own}" if warehouse.dialect.name == "postgresql" else "KILL CONNECTION CONNECTION_ID()"
        connection.exec_driver_sql(statement)
        connection.exec_driver_sql("SELECT 1")

    with pytest.raises(RcsWarehouseUnavailable):
        transfer_page(store, warehouse, Page(page, REPORT, end))

    assert read(warehouse, REPORT) == []


def replaced(page: sa.Select[Any], name: str, value: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return the page with another expression for one of its columns."""
    columns = (value.label(name) if column.name == name else column for column in page.selected_columns)
    return page.with_only_columns(*columns)


def shown(error: RcsError) -> Iterator[str]:
    """Yield the traceback as it is logged, and every error that is behind it as far as it is shown."""
    yield "".join(traceback.format_exception(error))
    behind: BaseException | None = error
    while behind is not None:
        yield repr(behind)
        behind = behind.__cause__ if behind.__suppress_context__ or behind.__cause__ else behind.__context__
